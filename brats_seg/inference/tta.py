"""Sixteen views for test-time augmentation: the symmetries of the axial square times the mirror along z."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product, starmap

from torch import Tensor

from brats_seg.errors import WrongValue

Z, Y, X = -3, -2, -1
TURN_MIRRORS: tuple[frozenset[int], ...] = (frozenset(), frozenset({X}), frozenset({Y, X}), frozenset({Y}))
"""A quarter turn is a mirror, then an exchange of y and x; by number of turns."""


@dataclass(frozen=True)
class View:
    """Mirrors first, then quarter turns in the axial plane; undone exactly.

    Attributes:
        mirror_z: Flip along z.
        mirror_x: Flip along x.
        quarter_turns: 0 to 3, from y towards x.
    """

    mirror_z: bool
    mirror_x: bool
    quarter_turns: int

    @property
    def _mirrors(self) -> list[int]:
        """All mirrors together: one copy at most, and none where only y and x are exchanged."""
        own = {axis for axis, wanted in ((Z, self.mirror_z), (X, self.mirror_x)) if wanted}
        return sorted(own ^ TURN_MIRRORS[self.quarter_turns])

    def apply(self, x: Tensor) -> Tensor:
        """Show an image as this view does.

        Args:
            x: ``(..., z, y, x)``.

        Returns:
            The same voxels; with an odd number of quarter turns y and x have changed places.

        >>> import torch
        >>> VIEWS["flips8"][1].apply(torch.tensor([[[1, 2], [3, 4]]]))
        tensor([[[4, 3],
                 [2, 1]]])
        """
        mirrored = x.flip(self._mirrors) if self._mirrors else x
        return mirrored.transpose(Y, X) if self.quarter_turns % 2 else mirrored

    def undo(self, x: Tensor) -> Tensor:
        """The inverse of :meth:`apply`.

        Args:
            x: ``(..., z, y, x)`` as the view shows it.

        Returns:
            The same voxels, upright.

        >>> import torch
        >>> image = torch.arange(8).reshape(2, 2, 2)
        >>> all(torch.equal(view.undo(view.apply(image)), image) for view in views("group16"))
        True
        """
        upright = x.transpose(Y, X) if self.quarter_turns % 2 else x
        return upright.flip(self._mirrors) if self._mirrors else upright


VIEWS: dict[str, tuple[View, ...]] = {
    "none": (View(False, False, 0),),
    # A mirror along y is a mirror along x and a half turn.
    "flips8": tuple(starmap(View, product((False, True), (False, True), (0, 2)))),
    "group16": tuple(starmap(View, product((False, True), (False, True), range(4)))),
}


def views(name: str) -> tuple[View, ...]:
    """The views of a named choice.

    Args:
        name: ``none``, ``flips8`` or ``group16``.

    Returns:
        Each view once, the upright one first.

    Raises:
        UserError: The name is unknown.
    """
    if name not in VIEWS:
        raise WrongValue(f"unknown tta={name}: use one of {', '.join(VIEWS)}")
    return VIEWS[name]
