"""A bidirectional feature pyramid in place of the decoder (section 4; EfficientDet).

Covered by tests/models/test_section_four.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from brats_seg.kinds import Amount, Positive
from brats_seg.models.backbone import Backbone
from brats_seg.models.blocks import ConvNormReLU, Norm, PointNorm, halve, upsample
from brats_seg.models.unet import Stage
from brats_seg.terms import Logits

ROUNDS = 2
PYRAMID = 2
"""Times the width of the first stage is that of every level of the pyramid."""
EPSILON = 1e-4
"""Of the sum of the weights, as EfficientDet has it."""


class Fusion(nn.Module):
    """Fast normalised fusion: a mean by learnt weights that are not negative, then a convolution.

    Args:
        inputs: How many.
        channels: Of each, and of the output.
        norm: Which norm.
    """

    def __init__(self, inputs: int, channels: int, norm: Norm) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(inputs))
        self.conv = ConvNormReLU(channels, channels, norm)

    def forward(self, *inputs: Float[Tensor, "batch channel z y x"]) -> Float[Tensor, "batch channel z y x"]:
        """Inputs of one shape."""
        weights = self.weights.relu()
        shares = weights / (weights.sum() + EPSILON)
        terms = [x * share.to(x.dtype) for x, share in zip(inputs, shares, strict=True)]
        answer: Tensor = self.conv(torch.stack(terms).sum(0))
        return answer


class Round(nn.Module):
    """Once from the lowest resolution to the highest and back.

    Args:
        channels: Of every level.
        norm: Which norm.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.down = nn.ModuleList(Fusion(2, channels, norm) for _ in range(3))
        self.up = nn.ModuleList(Fusion(inputs, channels, norm) for inputs in (3, 3, 2))

    def forward(self, *levels: Float[Tensor, "batch channel _ _ _"]) -> tuple[Tensor, ...]:
        """Four levels, the highest resolution first, to as many of the same shapes."""
        between: list[Tensor] = [levels[3]]
        for fusion, level in zip(self.down, reversed(levels[:3]), strict=True):
            between.insert(0, fusion(level, upsample(between[0], 2)))
        answers = [between[0]]
        for place, fusion in enumerate(self.up, 1):
            # The lowest level has nothing between what it was given and what it answers.
            own = (levels[place], between[place]) if place < 3 else (levels[place],)
            answers.append(fusion(*own, halve(answers[-1])))
        return tuple(answers)


class BiFPN(Backbone):
    """The encoder of the plain network, then two rounds of a bidirectional feature pyramid (PAPER.md).

    Args:
        width: Channels of the first stage; every level of the pyramid has twice as many.
        norm: ``"group"`` or ``"instance"``.
        head_std: As for :class:`brats_seg.models.UNet`.
        head_bias: As for :class:`brats_seg.models.UNet`.
    """

    name: ClassVar[str] = "bifpn"

    def __init__(
        self, *, width: Positive, norm: Norm, head_std: Amount | None = None, head_bias: float | None = None
    ) -> None:
        super().__init__({"width": width, "norm": norm})

        def stage(inputs: int, middle: int, outputs: int) -> nn.Module:
            return Stage(inputs, middle, outputs, norm, attention=False, residual=False, dropout=0.0)

        w1, w2, w3, w4 = (width * 2**k for k in range(4))
        self.make_encoder((w1, w2, w3, w4), norm, stage)
        pyramid = PYRAMID * width
        self.laterals = nn.ModuleList(
            PointNorm(channels, pyramid, norm, relu=False) for channels in (w1, w2, w3, 2 * w4)
        )
        self.rounds = nn.ModuleList(Round(pyramid, norm) for _ in range(ROUNDS))
        self.make_heads([pyramid] * 4, pyramid)
        self.initialise(head_std, head_bias)

    @property
    def channels(self) -> int:
        """Of a level and of the stage beside it."""
        return (1 + PYRAMID) * super().channels

    def forward(self, image: Float[Tensor, "batch modality z y x"], deep: bool = True) -> Logits:
        """Logits of every head.

        Args:
            image: Normalised.
            deep: Also of the auxiliary heads, at full size, lowest level first.

        Returns:
            Before the sigmoid.
        """
        skips, dilated = self.encode(image)
        seen = [*skips[:3], torch.cat([skips[3], dilated], 1)]
        levels: Sequence[Tensor] = [lateral(x) for lateral, x in zip(self.laterals, seen, strict=True)]
        for once in self.rounds:
            levels = self.run(once, *levels)
        return self.answer(levels[0], list(reversed(levels)), (8, 4, 2, 1), deep)
