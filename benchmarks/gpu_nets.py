"""The networks that ``gpu.py`` compares: this package's, the same in plain torch, peers of equal width."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from plain import plain_unet
from torch import Tensor, nn

from brats_seg.models import UNet
from brats_seg.models.blocks import ConvNormReLU
from brats_seg.terms import Logits

WIDTH = 48


@dataclass(frozen=True)
class Contender:
    """What is trained, and how.

    Attributes:
        maker: ``ours``, ``plain``, ``DynUNet`` or ``PlainConvUNet``.
        norm: ``group`` (A) or ``instance`` (B).
        batch, side, width: Of the patch, and of the network.
        dtype: Of autocast.
        channels_last, fused, attention, checkpointing, compile, benchmark: Switches.
        joined: One convolution over the concatenated inputs of a stage instead of one for each.
    """

    maker: str = "ours"
    norm: str = "group"
    batch: int = 1
    side: int = 128
    width: int = WIDTH
    dtype: str = "bfloat16"
    channels_last: bool = True
    fused: bool = True
    attention: bool = False
    checkpointing: bool = False
    compile: bool = False
    benchmark: bool = False
    joined: bool = False

    @property
    def name(self) -> str:
        """What differs from the plain network of pipeline A."""
        usual, words = (
            Contender(),
            [self.maker, "A" if self.norm == "group" else "B", f"batch {self.batch}", self.dtype],
        )
        words += [
            switch
            for switch in ("attention", "checkpointing", "compile", "benchmark", "joined")
            if getattr(self, switch)
        ]
        words += [f"no {switch}" for switch in ("channels_last", "fused") if not getattr(self, switch)]
        return ", ".join(words + ([f"side {self.side}"] if self.side != usual.side else []))

    @property
    def layout(self) -> torch.memory_format:
        """Of weights and images."""
        return torch.channels_last_3d if self.channels_last else torch.contiguous_format


A = Contender()
ATTENTION = replace(A, attention=True)
B = Contender(norm="instance", batch=3)


class Plain(nn.Module):
    """The same network in torch's own operations."""

    def __init__(self, net: UNet, groups: int | None) -> None:
        super().__init__()
        self.net, self.groups = net, groups

    def forward(self, image: Tensor) -> Logits:
        main, *deep = plain_unet(self.net, image, groups=self.groups)
        return Logits(main, tuple(deep))


class Peer(nn.Module):
    """A network that answers with a list of heads, or with one tensor of them."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Logits:
        answer = self.net(image)
        heads = answer.unbind(1) if isinstance(answer, Tensor) else answer
        return Logits(heads[0], tuple(heads[1:]))


def peer(name: str, width: int) -> nn.Module:
    """Five stages of two 3x3x3 convolutions, the fifth at the fourth's size as ours; three more heads."""
    filters = [width * 2**k for k in (0, 1, 2, 3, 3)]
    if name == "DynUNet":
        from monai.networks.nets import DynUNet

        deep: dict[str, Any] = {"deep_supervision": True, "deep_supr_num": 3}
        return DynUNet(3, 4, 3, [3] * 5, [1, 2, 2, 2, 1], [2, 2, 2, 1], filters=filters, **deep)
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    norm: dict[str, Any] = {"norm_op": nn.InstanceNorm3d, "norm_op_kwargs": {"affine": True, "eps": 1e-5}}
    relu: dict[str, Any] = {"nonlin": nn.LeakyReLU, "nonlin_kwargs": {"inplace": True}}
    return PlainConvUNet(
        4,
        5,
        filters,
        nn.Conv3d,
        3,
        [1, 2, 2, 2, 1],
        2,
        3,
        2,
        conv_bias=True,
        deep_supervision=True,
        **norm,
        **relu,
    )


def join(block: ConvNormReLU) -> None:
    """Concatenate before the convolution."""
    split = block.forward
    block.forward = lambda *inputs: split(torch.cat(inputs, 1))  # type: ignore[method-assign]


def make(contender: Contender, device: torch.device) -> nn.Module:
    """The network on its device, in its layout."""
    torch.manual_seed(0)
    if contender.maker in ("ours", "plain"):
        norm: Any = contender.norm
        ours = UNet(
            width=contender.width, norm=norm, attention=contender.attention, residual=False, dropout=0.0
        )
        ours.checkpointing = contender.checkpointing
        ours.fuse_norms(contender.fused)
        for block in ours.modules():
            if contender.joined and isinstance(block, ConvNormReLU):
                join(block)
        net: nn.Module = ours if contender.maker == "ours" else Plain(ours, 16 if norm == "group" else None)
    else:
        net = Peer(peer(contender.maker, contender.width))
    net.to(device, memory_format=contender.layout)  # type: ignore[call-overload]
    if contender.compile:
        net.compile(backend="inductor" if device.type == "cuda" else "aot_eager")
    return net
