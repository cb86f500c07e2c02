"""Convolution, norm, ReLU: the brick of every stage, and the trilinear step between stages."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from brats_seg.errors import WrongValue
from brats_seg.models import deterministic, fused_norm
from brats_seg.models.norms import GroupNorm, InstanceNorm

Norm = Literal["group", "instance"]
GROUPS = 16


def make_norm(norm: Norm, channels: int) -> nn.Module:
    """Group norm (pipeline A) or affine instance norm (pipeline B).

    Args:
        norm: Which of them.
        channels: Of what is normalised.

    Returns:
        The norm.

    Raises:
        UserError: The groups, at most 16, do not divide the channels; or the name is unknown.
    """
    if norm not in ("group", "instance"):
        raise WrongValue(f"unknown norm {norm!r}: use group or instance")
    if norm == "instance":
        return InstanceNorm(channels, affine=True)
    groups = min(GROUPS, channels)
    if channels % groups:
        raise WrongValue(
            f"{groups} groups do not divide {channels} channels: "
            f"choose model.width from 1, 2, 4, 8 or a multiple of {GROUPS}"
        )
    return GroupNorm(groups, channels)


def next_width(least: float, doublings: int = 0) -> int:
    """The smallest number of channels that group norm can take, and its doubles.

    Args:
        least: Not fewer.
        doublings: How often the number is doubled.

    Returns:
        Channels that the groups divide.
    """
    channels = max(1, math.ceil(least))
    while any((channels * 2**k) % min(GROUPS, channels * 2**k) for k in range(doublings + 1)):
        channels += 1
    return channels


def upsample(x: Tensor, factor: int) -> Tensor:
    """Trilinear, corners aligned (decided in PAPER.md).

    In 16 bit on CUDA always by products: torch's own goes through float32, and adds atomically in a copy.

    Args:
        x: ``(batch, channel, z, y, x)``.
        factor: Of each side.

    Returns:
        ``(batch, channel, factor * z, factor * y, factor * x)``.
    """
    if deterministic.wanted(x) or (x.is_cuda and x.dtype in (torch.float16, torch.bfloat16)):
        return deterministic.upsample(x, factor)
    return functional.interpolate(x, scale_factor=float(factor), mode="trilinear", align_corners=True)


def halve(x: Tensor) -> Tensor:
    """Max-pooling of 2x2x2; sizes must be even."""
    if deterministic.wanted(x):
        return deterministic.max_pool(x)
    if x.device.type != "cpu" or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return functional.max_pool3d(x, 2)
    for axis in (2, 3, 4):  # torch's looks for places as well, which only a gradient needs
        x = torch.maximum(*torch.unflatten(x, axis, (-1, 2)).unbind(axis + 1))
    return x


ONEDNN_ROWS = 20480
"""Rows (channels x z x y) of a lone sample up to which torch takes a convolution ten times as slow."""


def conv3d(x: Tensor, weight: Tensor, padding: int, dilation: int) -> Tensor:
    """Convolve and keep the size; on a CPU with a right gradient, and always by the fast kernel.

    Args:
        x: ``(batch, channel, z, y, x)``.
        weight: ``(out, channel, 3, 3, 3)``.
        padding: Zeros at each side.
        dilation: Of the kernel.

    Returns:
        ``(batch, out, z, y, x)``; a small volume is computed as two slabs.
    """
    low = x.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    if x.device.type == "cpu" and low and torch.is_grad_enabled() and min(x.shape[2:]) < weight.shape[2]:
        # oneDNN 3.12 (torch 2.13) reads unwritten memory for the gradient of a bf16 weight over less than
        # a kernel.
        with torch.autocast("cpu", enabled=False):
            return functional.conv3d(x.float(), weight.float(), padding=padding, dilation=dilation).to(
                x.dtype
            )
    # An exported or compiled graph serves every size, and has its own kernels.
    lone = not torch.compiler.is_compiling() and len(x) == 1
    if not (lone and x.device.type == "cpu" and x[0, :, :, :, 0].numel() <= ONEDNN_ROWS):
        return functional.conv3d(x, weight, padding=padding, dilation=dilation)
    depth = x.shape[2]
    if (
        depth % 2 or depth <= 2 * padding
    ):  # no halves, or halos as large as they are: an empty second sample is cheaper
        return functional.conv3d(
            torch.cat([x, torch.zeros_like(x)]), weight, padding=padding, dilation=dilation
        )[:1]
    padded = functional.pad(x, (0, 0, 0, 0, padding, padding))
    slabs = torch.cat([padded[:, :, : depth // 2 + 2 * padding], padded[:, :, depth // 2 :]])
    halves = functional.conv3d(slabs, weight, padding=(0, padding, padding), dilation=dilation)
    # In channels_last_3d the slabs lie one behind the other already: only a view.
    return halves.permute(0, 2, 3, 4, 1).reshape(1, depth, *halves.shape[3:], -1).permute(0, 4, 1, 2, 3)


class ConvNormReLU(nn.Module):
    """3x3x3 convolution without bias, norm, ReLU; size is kept.

    Args:
        in_channels: Of all inputs together.
        out_channels: Of the output.
        norm: Which norm.
        dilation: Of the convolution.

    Attributes:
        fused: Take norm and ReLU in one kernel where there is one (16 bit, ``channels_last_3d``, CUDA). No
            setting, because only the rounding changes; :meth:`Network.fuse_norms` changes it for a network.
    """

    fused: bool = True

    def __init__(self, in_channels: int, out_channels: int, norm: Norm, dilation: int = 1) -> None:
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv3d(in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = make_norm(norm, out_channels)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Convolve the inputs as if concatenated along channels.

        One convolution per input, added up, equals one over their concatenation and saves its copy: on CUDA
        in 16 bit a twelfth of a step's memory at the same traffic.
        """
        weights = torch.split(self.conv.weight, [x.shape[1] for x in inputs], dim=1)
        first, *rest = (
            conv3d(x, w, self.dilation, self.dilation) for x, w in zip(inputs, weights, strict=True)
        )
        for part in rest:
            first.add_(part)  # a convolution's backward does not need its answer
        return self._norm_relu(first)

    def _norm_relu(self, x: Tensor) -> Tensor:
        norm = self.norm
        if self.fused and isinstance(norm, GroupNorm | InstanceNorm) and fused_norm.applies(x):
            return fused_norm.norm_relu(x, norm.weight, norm.bias, norm.num_groups, norm.eps)
        normalised: Tensor = norm(x)
        # An in-place change of a view makes autograd copy the whole of it in the backward pass (CopySlices).
        in_place = torch.compiler.is_compiling() or not (normalised.requires_grad and normalised._is_view())
        return functional.relu(normalised, inplace=in_place)


class PointNorm(nn.Module):
    """1x1x1 convolution without bias, norm, and a ReLU if asked for.

    Args:
        in_channels: Of the input.
        out_channels: Of the output.
        norm: Which norm.
        relu: Whether a ReLU follows.
    """

    def __init__(self, in_channels: int, out_channels: int, norm: Norm, *, relu: bool) -> None:
        super().__init__()
        self.conv = nn.Conv3d(in_channels, out_channels, 1, bias=False)
        self.norm = make_norm(norm, out_channels)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """Shape of space is kept."""
        answer: Tensor = self.norm(self.conv(x))
        return functional.relu(answer) if self.relu else answer
