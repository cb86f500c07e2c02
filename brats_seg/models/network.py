"""What the rest of the package asks of a network. Covered by tests/models/test_own.py and test_unet.py."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from brats_seg.models.blocks import ConvNormReLU
from brats_seg.terms import DIVISOR, Logits


class Network(nn.Module):
    """Image to logits, rebuilt from plain values.

    Attributes:
        checkpointing: Keep no activations inside a stage and compute them again in the backward pass: less
            memory, the same gradients. No setting, because it changes nothing that is learnt.
        divisor: Sizes must be multiples of it.
    """

    checkpointing: bool = False
    divisor: int = DIVISOR

    @abstractmethod
    def forward(self, image: Float[Tensor, "batch modality z y x"], deep: bool = True) -> Logits:
        """Logits of every head.

        Args:
            image: Normalised.
            deep: Also of the auxiliary heads, at full size, lowest level first.

        Returns:
            Before the sigmoid.
        """

    def fuse_norms(self, wanted: bool) -> None:
        """Whether norm and ReLU are one kernel where there is one; they are, unless this says otherwise."""
        for module in self.modules():
            if isinstance(module, ConvNormReLU):
                module.fused = wanted

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What rebuilds the network, as plain values."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """At full size, by which memory is estimated."""
