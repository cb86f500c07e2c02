"""Inverted residual bottlenecks in place of the convolutions (section 4; MobileNet).

Covered by tests/models/test_section_four.py.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from brats_seg.kinds import Amount, Positive
from brats_seg.models.backbone import EncoderDecoder
from brats_seg.models.blocks import Norm, PointNorm, make_norm, next_width

EXPANSION = 4
WIDER = 4 / 3
"""Bottlenecks have few parameters: so much wider stages have about as many as the plain ones."""


class Bottleneck(nn.Module):
    """Expand 1x1x1, depthwise 3x3x3, project 1x1x1 without ReLU; the input is added where widths agree.

    Args:
        in_channels: Of the input; four times as many in between.
        out_channels: Of the output.
        norm: Which norm, after each convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, norm: Norm) -> None:
        super().__init__()
        hidden = EXPANSION * in_channels
        self.expand = PointNorm(in_channels, hidden, norm, relu=True)
        self.depthwise = nn.Conv3d(hidden, hidden, 3, padding=1, groups=hidden, bias=False)
        self.norm = make_norm(norm, hidden)
        self.project = PointNorm(hidden, out_channels, norm, relu=False)
        self.adds = in_channels == out_channels

    def forward(self, x: Float[Tensor, "batch _ z y x"]) -> Float[Tensor, "batch channel z y x"]:
        """Size is kept."""
        answer: Tensor = self.project(functional.relu(self.norm(self.depthwise(self.expand(x)))))
        return x + answer if self.adds else answer


class BottleneckStage(nn.Module):
    """Two bottlenecks.

    Args:
        in_channels: Of all inputs together.
        out_channels: Of the output.
        norm: Which norm.
    """

    def __init__(self, in_channels: int, out_channels: int, norm: Norm) -> None:
        super().__init__()
        self.first = Bottleneck(in_channels, out_channels, norm)
        self.second = Bottleneck(out_channels, out_channels, norm)

    def forward(self, *inputs: Float[Tensor, "batch _ z y x"]) -> Float[Tensor, "batch channel z y x"]:
        """Inputs of one spatial size, as if concatenated along channels."""
        answer: Tensor = self.second(self.first(torch.cat(inputs, 1)))
        return answer


class InvertedResidualUNet(EncoderDecoder):
    """The U-Net with inverted residual bottlenecks; its stages are a third wider than ``width`` (PAPER.md).

    Args:
        width: Of the plain network with about as many parameters.
        norm: ``"group"`` or ``"instance"``.
        head_std: As for :class:`brats_seg.models.UNet`.
        head_bias: As for :class:`brats_seg.models.UNet`.
    """

    name: ClassVar[str] = "inverted_residual_unet"

    def __init__(
        self, *, width: Positive, norm: Norm, head_std: Amount | None = None, head_bias: float | None = None
    ) -> None:
        super().__init__({"width": width, "norm": norm})
        self.first = next_width(WIDER * width, doublings=3)

        def stage(inputs: int, middle: int, outputs: int) -> nn.Module:
            return BottleneckStage(inputs, outputs, norm)

        self.make([self.first * 2**k for k in range(4)], norm, stage, stage)
        self.initialise(head_std, head_bias)

    @property
    def channels(self) -> int:
        """Of the expanded first stage."""
        return EXPANSION * self.first
