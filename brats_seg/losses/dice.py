"""The Dice loss of equation 2, batch-wise and channel-wise; with cross-entropy on request."""

from __future__ import annotations

from jaxtyping import Float, Float32, Shaped
from torch import Tensor, nn
from torch.nn import functional

from brats_seg.kinds import Amount

SPACE = (2, 3, 4)


class DiceLoss(nn.Module):
    """``1 - mean over regions of (2 sum S R + smooth) / (denominator + smooth)``.

    The sums go over the batch and all voxels. Equation 2 with the factor 2 of equation 1 (decided in
    PAPER.md).

    Args:
        squared: Denominator ``sum S^2 + sum R^2`` (pipeline A), else ``sum S + sum R`` (pipeline B).
        smooth: The epsilon of equation 2.
        cross_entropy: Weight of the binary cross-entropy, its mean over regions and voxels, which is added.
            Dice has hardly a gradient where a region is missed; cross-entropy has one. None: as in the paper.
    """

    def __init__(self, *, squared: bool, smooth: Amount, cross_entropy: Amount | None = None) -> None:
        super().__init__()
        self.squared, self.smooth, self.cross_entropy = squared, smooth, cross_entropy

    def forward(
        self, logits: Float[Tensor, "batch region z y x"], target: Shaped[Tensor, "batch region z y x"]
    ) -> Float32[Tensor, ""]:
        """Loss of a batch, in fp32.

        Args:
            logits: Of one head.
            target: 0 or 1.

        Returns:
            A scalar.
        """
        overlap, total = self._sums(logits, target)
        dice = 1 - self._ratio(overlap.sum(0), total.sum(0)).mean()
        return dice if self.cross_entropy is None else dice + self._entropy(logits, target).mean()

    def case_losses(
        self, logits: Float[Tensor, "batch region z y x"], target: Shaped[Tensor, "batch region z y x"]
    ) -> Float32[Tensor, " batch"]:
        """Loss of each sample alone, in fp32.

        Args:
            logits: Of one head.
            target: 0 or 1.

        Returns:
            One number per sample.
        """
        overlap, total = self._sums(logits, target)
        dice = 1 - self._ratio(overlap, total).mean(1)
        return dice if self.cross_entropy is None else dice + self._entropy(logits, target)

    def _entropy(self, logits: Tensor, target: Tensor) -> Tensor:
        """Weighted cross-entropy of each sample."""
        entropy = functional.binary_cross_entropy_with_logits(
            logits.float(), target.float(), reduction="none"
        )
        return entropy.mean((1, *SPACE)) * (self.cross_entropy or 0)

    def _ratio(self, overlap: Tensor, total: Tensor) -> Tensor:
        return (2 * overlap + self.smooth) / (total + self.smooth)

    def _sums(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Overlap and denominator, each ``(batch, region)``."""
        probability, truth = logits.float().sigmoid(), target.float()
        predicted = probability.square() if self.squared else probability
        # A 0/1 target is its own square.
        return (probability * truth).sum(SPACE), predicted.sum(SPACE) + truth.sum(SPACE)
