"""Dice per region over cases, as a torchmetrics Metric that sums only."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float32
from torch import Tensor
from torchmetrics import Metric

from brats_seg.terms import REGIONS


class RegionDice(Metric):
    """Mean over cases of the Dice of each region (equation 1); 1 where truth and prediction are both empty.

    torchmetrics' own is NaN there.
    """

    full_state_update = False
    total: Tensor
    cases: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(len(REGIONS), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("cases", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(
        self, prediction: Bool[Tensor, "batch region z y x"], target: Bool[Tensor, "batch region z y x"]
    ) -> None:
        """Add a batch.

        Args:
            prediction: Decided regions.
            target: True ones.
        """
        space = (2, 3, 4)
        overlap = (prediction & target).sum(space).double()
        size = (prediction.sum(space) + target.sum(space)).double()
        self.total += torch.where(size > 0, 2 * overlap / size.clamp(min=1), 1.0).sum(0)
        self.cases += len(prediction)

    def compute(self) -> Float32[Tensor, " region"]:
        """In the order of :data:`brats_seg.terms.REGIONS`."""
        return (self.total / self.cases).float()
