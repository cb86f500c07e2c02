"""Where a crop lies in a volume and how a pad is undone.

Frozen and pure; spatial axes are always the last three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

Triple = tuple[int, int, int]
if TYPE_CHECKING:
    import torch

    Array = TypeVar("Array", bound=NDArray[Any] | torch.Tensor)
else:  # torch takes a second, and whoever only reads files needs none
    Array = TypeVar("Array")


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
        """Voxels along ``(z, y, x)``.

        >>> Box((0, 4, 5), (2, 6, 9)).shape
        (2, 2, 4)
        """
        z, y, x = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return (z, y, x)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """For indexing the last three axes."""
        z, y, x = map(slice, self.start, self.stop)
        return (z, y, x)

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
        """The part of ``array`` inside the box, a view.

        >>> Box((0, 0, 1), (1, 1, 3)).crop(np.array([[[7, 8, 9]]]))
        array([[[8, 9]]])
        """
        return cast(Array, array[(..., *self.slices)])

    def paste(self, array: Array, shape: Triple) -> Array:
        """Put ``array`` in its place in a volume of zeros: undoes :meth:`crop` where the rest is zero.

        Args:
            array: Of the box's shape in its last three axes.
            shape: Of the volume, ``(z, y, x)``.

        Returns:
            An array of the same kind.

        >>> Box((0, 0, 1), (1, 1, 3)).paste(np.array([[[8, 9]]]), (1, 1, 4))
        array([[[0, 8, 9, 0]]])
        """
        full = (*array.shape[:-3], *shape)
        canvas: Any = array.new_zeros(full) if hasattr(array, "new_zeros") else np.zeros(full, array.dtype)
        canvas[(..., *self.slices)] = array
        return cast(Array, canvas)


@dataclass(frozen=True)
class Padding:
    """Zeros to add at both ends of each axis.

    Attributes:
        before: At the start, along ``(z, y, x)``.
        after: At the end, along ``(z, y, x)``.
    """

    before: Triple
    after: Triple

    def pad(self, array: Array) -> Array:
        """``array`` with zeros around its last three axes; the array itself when there is nothing to add.

        >>> Padding((0, 0, 1), (0, 0, 0)).pad(np.array([[[8, 9]]]))
        array([[[0, 8, 9]]])
        """
        if not any((*self.before, *self.after)):
            return array
        sizes = zip(self.before, array.shape[-3:], self.after, strict=True)
        z, y, x = (before + size + after for before, size, after in sizes)
        return self._inside((z, y, x)).paste(array, (z, y, x))

    def undo(self, array: Array) -> Array:
        """The part that was there before :meth:`pad`, a view."""
        z, y, x = array.shape[-3:]
        return self._inside((z, y, x)).crop(array)

    def _inside(self, shape: Triple) -> Box:
        z, y, x = (size - after for size, after in zip(shape, self.after, strict=True))
        return Box(self.before, (z, y, x))


def bounding_box(mask: Bool[NDArray[np.bool_], "z y x"]) -> Box | None:
    """Smallest box that holds every true voxel; None where there is none.

    >>> bounding_box(np.array([[[False, True, True, False]]]))
    Box(start=(0, 0, 1), stop=(1, 1, 3))
    """
    start, stop = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        if not hits.size:
            return None
        start.append(int(hits[0]))
        stop.append(int(hits[-1]) + 1)
        # The next axes need only what lies between.
        before = [slice(None)] * axis
        mask = mask[(*before, slice(start[-1], stop[-1]))]
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def pad_to_multiple(shape: Triple, multiple: int) -> Padding:
    """Padding at the end of each axis up to the next multiple (section 2.6).

    Args:
        shape: Of the volume, ``(z, y, x)``.
        multiple: Of each padded size.

    Returns:
        Nothing before, less than ``multiple`` after.

    >>> pad_to_multiple((8, 9, 15), 8).after
    (0, 7, 1)
    """
    z, y, x = (-size % multiple for size in shape)
    return Padding((0, 0, 0), (z, y, x))


def random_window(
    shape: Triple, patch: Triple, generator: np.random.Generator, centre: Triple | None = None
) -> tuple[Box, Padding]:
    """Where a random patch lies (PAPER.md, "Common").

    Where the volume is smaller than the patch, the padding is split at random between start and end.

    Args:
        shape: Of the volume, ``(z, y, x)``.
        patch: Size of the patch, ``(z, y, x)``.
        generator: Source of randomness; two numbers are drawn per axis.
        centre: A voxel around which the patch lies, as far as the volume allows it; None: anywhere.

    Returns:
        The box to read from the volume, and the padding that brings it to ``patch``.
    """
    start, stop, before, after = [], [], [], []
    for axis, (n, size) in enumerate(zip(shape, patch, strict=True)):
        last = max(n - size, 0)
        offset = int(generator.integers(0, last + 1))
        if centre is not None:
            offset = min(max(centre[axis] - size // 2, 0), last)
        missing = max(size - n, 0)
        split = int(generator.integers(0, missing + 1))
        start.append(offset)
        stop.append(offset + min(size, n))
        before.append(split)
        after.append(missing - split)
    box = Box(cast(Triple, tuple(start)), cast(Triple, tuple(stop)))
    return box, Padding(cast(Triple, tuple(before)), cast(Triple, tuple(after)))
