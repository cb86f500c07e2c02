"""The deeply supervised 3D U-Net of section 2.1."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from brats_seg.kinds import Amount, Positive
from brats_seg.models.attention import CBAM
from brats_seg.models.blocks import ConvNormReLU, Norm, halve, upsample
from brats_seg.models.network import Network
from brats_seg.terms import MODALITIES, REGIONS, Logits


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


class UNet(Network):
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
        super().__init__()
        self._width = width
        self._settings = {
            "width": width,
            "norm": norm,
            "attention": attention,
            "residual": residual,
            "dropout": dropout,
        }
        options: dict[str, Any] = {"residual": residual, "dropout": dropout}
        w1, w2, w3, w4 = (width * 2**k for k in range(4))
        ins = (len(MODALITIES), w1, w2, w3)
        self.encoder = nn.ModuleList(
            Stage(i, o, o, norm, attention=attention, **options)
            for i, o in zip(ins, (w1, w2, w3, w4), strict=True)
        )
        self.dilated = nn.Sequential(
            ConvNormReLU(w4, w4, norm, dilation=2), ConvNormReLU(w4, w4, norm, dilation=2)
        )
        self.lowest = ConvNormReLU(2 * w4, w3, norm)
        plan = ((2 * w3, w3, w2), (2 * w2, w2, w1), (2 * w1, w1, w1))
        self.decoder = nn.ModuleList(Stage(*channels, norm, attention=False, **options) for channels in plan)
        self.heads = nn.ModuleList(nn.Conv3d(c, len(REGIONS), 1) for c in (w4, w3, w2, w1))
        self.main = nn.Conv3d(w1, len(REGIONS), 1)
        self._initialise(head_std, head_bias)

    def _initialise(self, head_std: float | None, head_bias: float | None) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for head in (self.main, *self.heads):
            if head_std is not None:
                nn.init.normal_(head.weight, std=head_std)
            if head_bias is not None:
                nn.init.constant_(head.bias, head_bias)

    def settings(self) -> dict[str, Any]:
        """What rebuilds the network, as plain values."""
        return {"name": self.name, **self._settings}

    @property
    def channels(self) -> int:
        """Of the first stage."""
        return self._width

    def forward(self, image: Float[Tensor, "batch modality z y x"], deep: bool = True) -> Logits:
        """Logits of every head.

        Args:
            image: Normalised.
            deep: Also of the auxiliary heads, at full size, lowest level first.

        Returns:
            Before the sigmoid.
        """
        skips: list[Tensor] = []
        x = image
        for level, stage in enumerate(self.encoder):
            x = self._run(stage, halve(x) if level else x)
            skips.append(x)
        levels = [self._run(self.dilated, x)]
        levels.append(self._run(self.lowest, x, levels[0]))
        x = levels[1]
        for stage, skip in zip(self.decoder, reversed(skips[:3]), strict=True):
            x = self._run(stage, skip, upsample(x, 2))
            levels.append(x)
        auxiliary = []
        if deep:
            for head, features, factor in zip(self.heads, levels[:4], (8, 8, 4, 2), strict=True):
                auxiliary.append(upsample(head(features), factor))
        return Logits(self.main(x), tuple(auxiliary))

    def _run(self, stage: nn.Module, *inputs: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            return cast(Tensor, checkpoint(stage, *inputs, use_reentrant=False))
        return cast(Tensor, stage(*inputs))
