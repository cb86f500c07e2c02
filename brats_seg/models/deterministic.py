"""Upsampling and max-pooling without atomic additions, which torch's own have in the backward pass on CUDA.

Their answers are deterministic, and the upsampling keeps ``channels_last_3d`` in both directions.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

SPACE = (2, 3, 4)
FEW = 8
"""Channels, as those of the heads, below which matrix products want them outermost."""


def wanted(x: Tensor) -> bool:
    """True where torch was asked for determinism and lacks it; on a CPU torch's own are deterministic."""
    return x.device.type != "cpu" and torch.are_deterministic_algorithms_enabled()


def upsample(
    x: Float[Tensor, "batch channel z y x"], factor: int
) -> Float[Tensor, "batch channel {factor}*z {factor}*y {factor}*x"]:
    """Trilinear with corners aligned, as one matrix product per axis.

    Computed in the dtype of ``x``, under autocast too.

    Args:
        x: Any sizes.
        factor: How many times larger each spatial size becomes.

    Returns:
        In the dtype of ``x``, and in ``channels_last_3d`` unless the channels are few.
    """
    batch, channels, *sizes = x.shape
    outer, inner = (batch * channels, 1) if channels < FEW else (batch, channels)
    depth, height, width = sizes
    y = x if channels < FEW else x.permute(0, 2, 3, 4, 1)
    with torch.autocast(x.device.type, enabled=False):
        weights = {size: _weights(size, factor, x) for size in set(sizes)}
        y = _product(weights[width], y.reshape(-1, width, inner))
        y = _product(weights[height], y.reshape(outer * depth, height, -1))
        y = _product(weights[depth], y.reshape(outer, depth, -1))
    larger = [size * factor for size in sizes]
    if channels < FEW:
        return y.reshape(batch, channels, *larger)
    return y.reshape(batch, *larger, channels).permute(0, 4, 1, 2, 3)


def max_pool(x: Float[Tensor, "batch channel z y x"]) -> Float[Tensor, "batch channel z//2 y//2 x//2"]:
    """The largest of 2x2x2 voxels of even sizes; the gradient goes to the first of equals, as in torch."""
    # The last axis first: so the first of equals in the order z, y, x remains.
    for axis in reversed(SPACE):
        first, second = torch.unflatten(x, axis, (-1, 2)).unbind(axis + 1)
        x = torch.where((second > first) | second.isnan(), second, first)
    return x


def _product(weights: Tensor, values: Tensor) -> Tensor:
    """``(out, in)`` times each of ``(n, in, rest)``."""
    if values.shape[2] == 1:
        return (values[:, :, 0] @ weights.T)[:, :, None]
    return torch.bmm(weights.expand(len(values), -1, -1), values)


def _weights(size: int, factor: int, like: Tensor) -> Tensor:
    """``(size * factor, size)``: how much of each input voxel is in each output voxel; each row sums to 1."""
    steps = torch.arange(size * factor, dtype=torch.float64, device=like.device)
    place = steps[:, None] * ((size - 1) / max(size * factor - 1, 1))
    distance = (place - torch.arange(size, dtype=torch.float64, device=like.device)).abs()
    share = (1 - distance).clamp(min=0)
    # Multiples of this are exact in the type, so both shares of a place are, and a constant stays constant.
    quantum = torch.finfo(like.dtype).eps / 2
    return ((share / quantum).round() * quantum).to(like.dtype)
