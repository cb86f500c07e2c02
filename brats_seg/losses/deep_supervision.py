"""Main loss plus the auxiliary ones, unweighted (section 2.2). Covered by tests/losses/test_dice.py."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor, nn

from brats_seg.terms import Logits


class DeepSupervisionLoss(nn.Module):
    """Sum of one loss over the main head and every auxiliary head.

    Args:
        dice: The loss of one head: ``(batch, region, z, y, x)`` logits and 0/1 target to a scalar. If it has
            a method ``case_losses``, that gives the losses of the samples.
    """

    def __init__(self, dice: nn.Module) -> None:
        super().__init__()
        self.dice = dice

    def forward(self, logits: Logits, target: Shaped[Tensor, "batch region z y x"]) -> Float32[Tensor, ""]:
        """The sum over all heads.

        Args:
            logits: Of the main head and the auxiliary ones.
            target: 0 or 1.

        Returns:
            A scalar.
        """
        return torch.stack(list(self.parts(logits, target).values())).sum()

    def parts(
        self, logits: Logits, target: Shaped[Tensor, "batch region z y x"]
    ) -> dict[str, Float32[Tensor, ""]]:
        """Loss of each head.

        Args:
            logits: Of the main head and the auxiliary ones.
            target: 0 or 1.

        Returns:
            ``main``, then ``deep_0`` (lowest level) upwards.
        """
        losses = {"main": self.dice(logits.main, target)}
        for level, head in enumerate(logits.deep):
            losses[f"deep_{level}"] = self.dice(head, target)
        return losses

    def case_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of one head for each sample alone.

        Args:
            logits: ``(batch, region, z, y, x)``, of the head.
            target: 0 or 1, of the same shape.

        Returns:
            ``(batch,)``.
        """
        own: Callable[[Tensor, Tensor], Tensor] | None = getattr(self.dice, "case_losses", None)
        if own is not None:
            return own(logits, target)
        pairs = zip(torch.split(logits, 1), torch.split(target, 1), strict=True)
        return torch.stack([self.dice(one_logits, one_target) for one_logits, one_target in pairs])
