"""Upsampling and max-pooling with a deterministic backward pass on CUDA, where torch adds atomically."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

SPACE = (2, 3, 4)


def wanted(x: Tensor) -> bool:
    """True where torch was asked for determinism and lacks it; on a CPU torch's own are deterministic."""
    return x.device.type != "cpu" and torch.are_deterministic_algorithms_enabled()


def upsample(
    x: Float[Tensor, "batch channel z y x"], factor: int
) -> Float[Tensor, "batch channel {factor}*z {factor}*y {factor}*x"]:
    """Trilinear with corners aligned, as one matrix product per axis.

    Computed in at least fp32 like torch's, under autocast too.

    Args:
        x: Any sizes.
        factor: How many times larger each spatial size becomes.

    Returns:
        In the dtype of ``x``.
    """
    with torch.autocast(x.device.type, enabled=False):
        y = x if x.dtype == torch.float64 else x.float()
        for axis in SPACE:
            y = torch.tensordot(y, _weights(y.shape[axis], factor, y), dims=([axis], [1])).movedim(-1, axis)
        return y.to(x.dtype)


def max_pool(x: Float[Tensor, "batch channel z y x"]) -> Float[Tensor, "batch channel z//2 y//2 x//2"]:
    """The largest of 2x2x2 voxels of even sizes; the gradient goes to the first of equals, as in torch."""
    # The last axis first: so the first of equals in the order z, y, x remains.
    for axis in reversed(SPACE):
        first, second = torch.unflatten(x, axis, (-1, 2)).unbind(axis + 1)
        x = torch.where((second > first) | second.isnan(), second, first)
    return x


def _weights(size: int, factor: int, like: Tensor) -> Tensor:
    """``(size * factor, size)``: how much of each input voxel is in each output voxel."""
    steps = torch.arange(size * factor, dtype=torch.float64, device=like.device)
    place = steps[:, None] * ((size - 1) / max(size * factor - 1, 1))
    distance = (place - torch.arange(size, dtype=torch.float64, device=like.device)).abs()
    return (1 - distance).clamp(min=0).to(like.dtype)
