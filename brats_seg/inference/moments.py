"""Sums from which the mean and the spread of an ensemble follow.

Covered by tests/inference/test_ensemble.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float32
from torch import Tensor

from brats_seg.geometry import Padding


@dataclass(eq=False)
class Moments:
    """Sums over the members of an ensemble, in float32 on the device.

    Attributes:
        total: Sum of the probabilities, ``(region, z, y, x)``.
        squares: Sum of their squares, of the same shape; None where nobody asked for the spread.
        count: How many members were added.
    """

    total: Float32[Tensor, "region z y x"]
    squares: Float32[Tensor, "region z y x"] | None
    count: int = 0

    def add(self, probabilities: Float32[Tensor, "region z y x"]) -> None:
        """Add the probabilities of one more member."""
        self.total += probabilities
        if self.squares is not None:
            self.squares.addcmul_(probabilities, probabilities)
        self.count += 1

    def __add__(self, other: Moments) -> Moments:
        squares = None if self.squares is None or other.squares is None else self.squares + other.squares
        return Moments(self.total + other.total, squares, self.count + other.count)

    @property
    def mean(self) -> Tensor:
        """``(region, z, y, x)`` in [0, 1]."""
        return self.total / self.count

    @property
    def variance(self) -> Tensor:
        """Variance of the population of members, ``(region, z, y, x)`` in [0, 0.25]."""
        assert self.squares is not None
        return (self.squares / self.count - self.mean**2).clamp_(min=0)

    def undo(self, padding: Padding) -> Moments:
        """The same without the voxels that padding added; a view.

        Args:
            padding: That of the image.
        """
        squares = None if self.squares is None else padding.undo(self.squares)
        return Moments(padding.undo(self.total), squares, self.count)
