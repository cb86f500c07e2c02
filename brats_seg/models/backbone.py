"""What the networks of this package share: encoder, dilated pseudo fifth stage, heads, U-shaped decoder.

Covered by tests/models/test_unet.py and test_section_four.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from brats_seg.models.blocks import ConvNormReLU, Norm, halve, upsample
from brats_seg.models.network import Network
from brats_seg.terms import MODALITIES, REGIONS, Logits

MakeStage = Callable[[int, int, int], nn.Module]
"""Channels of all inputs together, in the middle, and of the output, to a stage."""


class Backbone(Network):
    """Encoder of four stages, a dilated pseudo fifth one, and heads.

    A subclass makes its modules by :meth:`make_encoder` and :meth:`make_heads`, in the order in which they
    are to be initialised, then calls :meth:`initialise`.

    Args:
        settings: What rebuilds the network, as plain values; ``width`` and ``norm`` among them.
    """

    name: ClassVar[str]
    TYPES: ClassVar[Mapping[str, type]] = {"width": int, "norm": str}
    """Of the settings, for reading them from a file."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self._settings = dict(settings)

    def make_encoder(self, widths: Sequence[int], norm: Norm, stage: MakeStage) -> None:
        """Make the four stages and the dilated convolutions behind them.

        Args:
            widths: Channels of the stages.
            norm: Which norm.
            stage: Makes one.
        """
        ins = (len(MODALITIES), *widths[:3])
        self.encoder = nn.ModuleList(stage(i, o, o) for i, o in zip(ins, widths, strict=True))
        last = widths[3]
        self.dilated = nn.Sequential(
            ConvNormReLU(last, last, norm, dilation=2), ConvNormReLU(last, last, norm, dilation=2)
        )

    def make_heads(self, channels: Sequence[int], main: int) -> None:
        """Make the auxiliary heads and the main one.

        Args:
            channels: Of the levels that the auxiliary heads see, the lowest first.
            main: Of what the main head sees.
        """
        self.heads = nn.ModuleList(nn.Conv3d(c, len(REGIONS), 1) for c in channels)
        self.main = nn.Conv3d(main, len(REGIONS), 1)

    def initialise(self, head_std: float | None, head_bias: float | None) -> None:
        """Kaiming normal, fan-out; heads otherwise.

        Args:
            head_std: Standard deviation of the heads' weights; None: as the other convolutions.
            head_bias: Of the heads; None: torch's.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for head in (self.main, *self.heads):
            if head_std is not None:
                nn.init.normal_(cast(Tensor, head.weight), std=head_std)
            if head_bias is not None:
                nn.init.constant_(cast(Tensor, head.bias), head_bias)

    def settings(self) -> dict[str, Any]:
        """What rebuilds the network, as plain values."""
        return {"name": self.name, **self._settings}

    @property
    def channels(self) -> int:
        """Of the first stage."""
        return int(self._settings["width"])

    def encode(self, image: Tensor) -> tuple[list[Tensor], Tensor]:
        """Run the encoder.

        Args:
            image: Normalised.

        Returns:
            The answers of the stages, the highest resolution first, and that of the dilated convolutions.
        """
        skips: list[Tensor] = []
        x = image
        for level, stage in enumerate(self.encoder):
            x = self.run(stage, halve(x) if level else x)
            skips.append(x)
        return skips, self.run(self.dilated, x)

    def answer(
        self, features: Tensor, levels: Sequence[Tensor], factors: Sequence[int], deep: bool
    ) -> Logits:
        """Run the heads.

        Args:
            features: What the main head sees.
            levels: What the auxiliary heads see, the lowest resolution first.
            factors: By how much each level is smaller than the image.
            deep: Also of the auxiliary heads.

        Returns:
            Before the sigmoid, at full size.
        """
        auxiliary = []
        if deep:
            for head, level, factor in zip(self.heads, levels, factors, strict=True):
                logits = head(level)
                auxiliary.append(upsample(logits, factor) if factor > 1 else logits)
        return Logits(self.main(features), tuple(auxiliary))

    def run(self, stage: nn.Module, *inputs: Tensor) -> Any:
        """Run a part, keeping its activations or not."""
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(stage, *inputs, use_reentrant=False)
        return stage(*inputs)


class EncoderDecoder(Backbone):
    """The U: a decoder of four stages with the encoder's answers as shortcuts, a head on each level.

    A subclass calls :meth:`make` with its stages.
    """

    def make(self, widths: Sequence[int], norm: Norm, encoding: MakeStage, decoding: MakeStage) -> None:
        """Make every part but for their first weights.

        Args:
            widths: Channels of the encoder's stages.
            norm: Which norm.
            encoding: Makes a stage of the encoder.
            decoding: Makes a stage of the decoder.
        """
        self.make_encoder(widths, norm, encoding)
        w1, w2, w3, w4 = widths
        self.lowest = ConvNormReLU(2 * w4, w3, norm)
        plan = ((2 * w3, w3, w2), (2 * w2, w2, w1), (2 * w1, w1, w1))
        self.decoder = nn.ModuleList(decoding(*channels) for channels in plan)
        self.make_heads((w4, w3, w2, w1), w1)

    def forward(self, image: Float[Tensor, "batch modality z y x"], deep: bool = True) -> Logits:
        """Logits of every head.

        Args:
            image: Normalised.
            deep: Also of the auxiliary heads, at full size, lowest level first.

        Returns:
            Before the sigmoid.
        """
        skips, dilated = self.encode(image)
        x = self.run(self.lowest, skips[3], dilated)
        levels = [dilated, x]
        for stage, skip in zip(self.decoder, reversed(skips[:3]), strict=True):
            x = self.run(stage, skip, upsample(x, 2))
            levels.append(x)
        return self.answer(x, levels[:4], (8, 8, 4, 2), deep)
