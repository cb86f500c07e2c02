"""Dense blocks in place of the stages (section 4; Huang et al. 2017).

Covered by tests/models/test_section_four.py.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from brats_seg.kinds import Amount, Positive
from brats_seg.models.backbone import EncoderDecoder
from brats_seg.models.blocks import ConvNormReLU, Norm, PointNorm, next_width

LAYERS = 3


class DenseStage(nn.Module):
    """Three convolutions, each of which sees the inputs and all answers before; a 1x1x1 one to the width.

    Args:
        in_channels: Of all inputs together.
        out_channels: Of the output; each of the three convolutions adds half as many, or a few more where the
            groups of the norm ask for it.
        norm: Which norm.
    """

    def __init__(self, in_channels: int, out_channels: int, norm: Norm) -> None:
        super().__init__()
        growth = next_width(out_channels / 2)
        self.layers = nn.ModuleList(
            ConvNormReLU(in_channels + k * growth, growth, norm) for k in range(LAYERS)
        )
        self.transition = PointNorm(in_channels + LAYERS * growth, out_channels, norm, relu=True)

    def forward(self, *inputs: Float[Tensor, "batch _ z y x"]) -> Float[Tensor, "batch channel z y x"]:
        """Inputs of one spatial size, as if concatenated along channels."""
        features = list(inputs)
        for layer in self.layers:
            features.append(layer(*features))
        answer: Tensor = self.transition(torch.cat(features, 1))
        return answer


class DenseUNet(EncoderDecoder):
    """The U-Net with dense blocks, of as many parameters as the plain one (PAPER.md).

    Args:
        width: Channels of the first stage; each further one doubles them.
        norm: ``"group"`` or ``"instance"``.
        head_std: As for :class:`brats_seg.models.UNet`.
        head_bias: As for :class:`brats_seg.models.UNet`.
    """

    name: ClassVar[str] = "dense_unet"

    def __init__(
        self, *, width: Positive, norm: Norm, head_std: Amount | None = None, head_bias: float | None = None
    ) -> None:
        super().__init__({"width": width, "norm": norm})

        def stage(inputs: int, middle: int, outputs: int) -> nn.Module:
            return DenseStage(inputs, outputs, norm)

        self.make([width * 2**k for k in range(4)], norm, stage, stage)
        self.initialise(head_std, head_bias)
