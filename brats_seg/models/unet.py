"""The deeply supervised 3D U-Net of section 2.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from brats_seg.kinds import Amount, Positive
from brats_seg.models.attention import CBAM
from brats_seg.models.backbone import EncoderDecoder
from brats_seg.models.blocks import ConvNormReLU, Norm


class Stage(nn.Module):
    """Two convolutions; optionally a short additive connection around them, dropout and attention after them.

    Args:
        in_channels: Of all inputs together.
        mid_channels: Between the two convolutions.
        out_channels: Of the output.
        norm: Which norm.
        attention: CBAM at the end.
        residual: Add a 1x1x1 projection of the input.
        dropout: Probability of dropping a whole channel.
    """

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        norm: Norm,
        *,
        attention: bool,
        residual: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.first = ConvNormReLU(in_channels, mid_channels, norm)
        self.second = ConvNormReLU(mid_channels, out_channels, norm)
        self.project = nn.Conv3d(in_channels, out_channels, 1, bias=False) if residual else None
        self.dropout = nn.Dropout3d(dropout) if dropout else None
        self.attention = CBAM(out_channels) if attention else None

    def forward(self, *inputs: Float[Tensor, "batch _ z y x"]) -> Float[Tensor, "batch channel z y x"]:
        """Inputs of one spatial size, as if concatenated along channels."""
        x: Tensor = self.second(self.first(*inputs))
        if self.project is not None:
            x = x + self.project(torch.cat(inputs, 1))
        if self.dropout is not None:
            x = self.dropout(x)
        return x if self.attention is None else self.attention(x)


class UNet(EncoderDecoder):
    """Encoder of four stages, a dilated pseudo fifth one, decoder of four.

    There is an auxiliary head on each of four levels. Spatial sizes must be multiples of 8.

    Args:
        width: Channels of the first stage; each further one doubles them. The paper's is 48.
        norm: ``"group"`` (pipeline A) or ``"instance"`` (pipeline B).
        attention: CBAM at the end of each encoder stage.
        residual: Short additive connections in every stage (named in section 4 as tried without gain).
        dropout: Probability of dropping a channel after each stage.
        head_std: Standard deviation of the heads' weights at the start; None: Kaiming, as the other
            convolutions. No setting, as the next one: trained weights take its place.
        head_bias: Of the heads at the start; None: torch's.
    """

    name: ClassVar[str] = "unet"
    TYPES: ClassVar[Mapping[str, type]] = {
        **EncoderDecoder.TYPES,
        "attention": bool,
        "residual": bool,
        "dropout": float,
    }

    def __init__(
        self,
        *,
        width: Positive,
        norm: Norm,
        attention: bool,
        residual: bool,
        dropout: Amount,
        head_std: Amount | None = None,
        head_bias: float | None = None,
    ) -> None:
        options: dict[str, Any] = {"residual": residual, "dropout": dropout}
        super().__init__({"width": width, "norm": norm, "attention": attention, **options})

        def encoding(inputs: int, middle: int, outputs: int) -> nn.Module:
            return Stage(inputs, middle, outputs, norm, attention=attention, **options)

        def decoding(inputs: int, middle: int, outputs: int) -> nn.Module:
            return Stage(inputs, middle, outputs, norm, attention=False, **options)

        self.make([width * 2**k for k in range(4)], norm, encoding, decoding)
        self.initialise(head_std, head_bias)
