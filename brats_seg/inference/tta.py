"""The sixteen views of test-time augmentation: the dihedral group of the axial square times the mirror along z."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from torch import Tensor

from brats_seg.errors import UserError

AXIAL = (-2, -1)


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
    def _axes(self) -> list[int]:
        return [axis for axis, wanted in ((-3, self.mirror_z), (-1, self.mirror_x)) if wanted]

    def apply(self, x: Tensor) -> Tensor:
        """``(..., z, y, x)`` as this view shows it."""
        return (x.flip(self._axes) if self._axes else x).rot90(self.quarter_turns, AXIAL)

    def undo(self, x: Tensor) -> Tensor:
        """The inverse of :meth:`apply`."""
        turned = x.rot90(-self.quarter_turns, AXIAL)
        return turned.flip(self._axes) if self._axes else turned


VIEWS: dict[str, tuple[View, ...]] = {
    "none": (View(False, False, 0),),
    # A mirror along y is a mirror along x and a half turn.
    "flips8": tuple(View(z, x, k) for z, x, k in product((False, True), (False, True), (0, 2))),
    "group16": tuple(View(z, x, k) for z, x, k in product((False, True), (False, True), range(4))),
}


def views(name: str) -> tuple[View, ...]:
    """The views of a named choice.

    Raises:
        UserError: The name is unknown.
    """
    if name not in VIEWS:
        raise UserError(f"unknown tta={name}: use one of {', '.join(VIEWS)}")
    return VIEWS[name]
