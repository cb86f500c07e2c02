"""Where a crop lies in a volume and how a pad is undone. Frozen and pure; spatial axes are always the last three."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray

Triple = tuple[int, int, int]
Array = TypeVar("Array", NDArray[np.generic], torch.Tensor)


@dataclass(frozen=True)
class Box:
    """A half-open box of voxels.

    Attributes:
        start: First voxel, ``(z, y, x)``.
        stop: One past the last voxel, ``(z, y, x)``.
    """

    start: Triple
    stop: Triple

    @property
    def shape(self) -> Triple:
        """Voxels along ``(z, y, x)``."""
        return cast(Triple, tuple(b - a for a, b in zip(self.start, self.stop, strict=True)))

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """For indexing the last three axes."""
        return cast(tuple[slice, slice, slice], tuple(map(slice, self.start, self.stop)))

    def grown(self, margin: int, shape: Triple) -> Box:
        """The box with a margin on every side, as far as the volume goes.

        Args:
            margin: Voxels.
            shape: Of the volume, ``(z, y, x)``.

        Returns:
            A box inside the volume.

        >>> Box((0, 4, 5), (2, 6, 9)).grown(2, (10, 10, 10))
        Box(start=(0, 2, 3), stop=(4, 8, 10))
        """
        start = tuple(max(a - margin, 0) for a in self.start)
        stop = tuple(min(b + margin, n) for b, n in zip(self.stop, shape, strict=True))
        return Box(cast(Triple, start), cast(Triple, stop))

    def crop(self, array: Array) -> Array:
        """The part of ``array`` inside the box, a view."""
        return array[(..., *self.slices)]

    def paste(self, array: Array, shape: Triple) -> Array:
        """``array`` at the box's place in zeros of spatial ``shape``: undoes :meth:`crop` where the rest is zero."""
        full = (*array.shape[:-3], *shape)
        canvas = array.new_zeros(full) if isinstance(array, torch.Tensor) else np.zeros(full, array.dtype)
        canvas[(..., *self.slices)] = array
        return cast(Array, canvas)  # type: ignore[redundant-cast]  # for one of the two kinds it is not


@dataclass(frozen=True)
class Padding:
    """Zeros to add before and after, per axis ``(z, y, x)``."""

    before: Triple
    after: Triple

    def pad(self, array: Array) -> Array:
        """``array`` with zeros around its last three axes; the array itself when there is nothing to add."""
        if not any((*self.before, *self.after)):
            return array
        shape = cast(
            Triple,
            tuple(b + n + a for b, n, a in zip(self.before, array.shape[-3:], self.after, strict=True)),
        )
        return self._inside(shape).paste(array, shape)

    def undo(self, array: Array) -> Array:
        """The part that was there before :meth:`pad`, a view."""
        return self._inside(cast(Triple, tuple(array.shape[-3:]))).crop(array)

    def _inside(self, shape: Triple) -> Box:
        return Box(self.before, cast(Triple, tuple(n - a for n, a in zip(shape, self.after, strict=True))))


def bounding_box(mask: Bool[NDArray[np.bool_], "z y x"]) -> Box | None:
    """Smallest box that holds every true voxel; None where there is none."""
    start, stop = [], []
    for axis in range(3):
        hits = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if not hits.size:
            return None
        start.append(int(hits[0]))
        stop.append(int(hits[-1]) + 1)
        mask = mask[(*[slice(None)] * axis, slice(start[-1], stop[-1]))]
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def pad_to_multiple(shape: Triple, multiple: int) -> Padding:
    """Padding at the end of each axis up to the next multiple (section 2.6)."""
    return Padding((0, 0, 0), cast(Triple, tuple(-n % multiple for n in shape)))


def random_window(shape: Triple, patch: Triple, generator: np.random.Generator) -> tuple[Box, Padding]:
    """Where a random patch lies, and the random split of the pad where the volume is smaller (PAPER.md, "Common").

    Returns:
        The box to read from the volume, and the padding that brings it to ``patch``.
    """
    start, stop, before, after = [], [], [], []
    for n, size in zip(shape, patch, strict=True):
        offset = int(generator.integers(0, max(n - size, 0) + 1))
        missing = max(size - n, 0)
        split = int(generator.integers(0, missing + 1))
        start.append(offset)
        stop.append(offset + min(size, n))
        before.append(split)
        after.append(missing - split)
    return (
        Box(cast(Triple, tuple(start)), cast(Triple, tuple(stop))),
        Padding(cast(Triple, tuple(before)), cast(Triple, tuple(after))),
    )
