"""Group and instance norm of one sample in ``channels_last_3d`` on a CPU: faster and exacter than torch's.

torch's kernels for that layout add up a channel in float32, value by value: over the millions of voxels of a
brain they lose so many digits that label maps change (normalised values are off by up to 0.02). Here slabs
are summed, and the slabs in double. They are also slow for few channels, because vector registers stay empty,
and group norm's backward for any number; so several voxels along x are taken for channels, and all is done by
the kernels of batch norm.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

SLAB = 2**16
"""Values summed in float32 before double takes over."""
WIDE = 64
"""Number of channels from which the kernels are fast."""


class GroupNorm(nn.GroupNorm):
    """As torch's; where no gradient is wanted it may overwrite its input."""

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, z, y, x)`` to the same shape."""
        if applies(x):
            return normalise(x, self.num_groups, self.weight, self.bias, self.eps)
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class InstanceNorm(nn.InstanceNorm3d):
    """As torch's; where no gradient is wanted it may overwrite its input."""

    @property
    def num_groups(self) -> int:
        """A channel to a group."""
        return self.num_features

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, z, y, x)`` to the same shape."""
        if applies(x):
            return normalise(x, self.num_features, self.weight, self.bias, self.eps)
        if len(x) == 1:  # torch 2.13: instance norm of one sample in channels_last_3d has a wrong gradient
            return group_norm(x, self.num_features, self.weight, self.bias, self.eps)
        return super().forward(x)


def applies(x: Tensor) -> bool:
    """Whether the fast way is open for this tensor; exported and compiled graphs have their own kernels."""
    return (
        not torch.compiler.is_compiling()
        and len(x) == 1
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.bfloat16)
        and x.is_contiguous(memory_format=torch.channels_last_3d)
    )


def group_norm(x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """torch's group norm in the type of its input: CUDA's autocast would compute, and keep, float32.

    Args:
        x: ``(b, c, z, y, x)``.
        groups: Must divide the channels.
        weight: ``(c,)``.
        bias: ``(c,)``.
        eps: Added to the variance.

    Returns:
        As ``x``; statistics are taken in float32 at least.
    """
    if x.device.type == "cpu" or x.dtype not in (torch.float16, torch.bfloat16):
        return functional.group_norm(x, groups, weight, bias, eps)
    with torch.autocast(x.device.type, enabled=False):
        return functional.group_norm(x, groups, weight.to(x.dtype), bias.to(x.dtype), eps)


def normalise(x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Affine group norm of one sample.

    Args:
        x: ``(1, channel, z, y, x)``; overwritten where no gradient is wanted.
        groups: Divides the channels.
        weight: ``(channel,)``.
        bias: ``(channel,)``.
        eps: Added to the variance.

    Returns:
        As ``x``.
    """
    if torch.is_grad_enabled():
        return cast(Tensor, _Normalise.apply(x, groups, weight, bias, eps))  # type: ignore[no-untyped-call]
    _statistics_applied(x, groups, weight, bias, eps, out=x)
    return x


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and population variance of each channel of one sample in ``channels_last_3d``, float64."""
    rows = _widened(x).permute(0, 2, 3, 4, 1).flatten(0, 3)
    unused = torch.zeros(rows.shape[1]), torch.ones(rows.shape[1])  # in float32, so that the answer is
    slabs = torch.split(rows, max(1, SLAB // rows.shape[1]))
    update = torch.ops.aten.batch_norm_update_stats
    found = [update(slab.t()[None, :, :, None], *unused, 0.0) for slab in slabs]
    means, variances = (
        torch.stack(each).double().view(len(slabs), -1, x.shape[1]) for each in zip(*found, strict=True)
    )
    sizes = torch.tensor([len(slab) for slab in slabs], dtype=torch.float64)
    share = sizes[:, None, None] / len(rows) / means.shape[1]
    mean = (share * means).sum((0, 1))
    return mean, (share * (variances + (means - mean) ** 2)).sum((0, 1))


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        out = torch.empty_like(x)
        mean, variance = _statistics_applied(x, groups, weight, bias, eps, out)
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.groups, ctx.eps = groups, eps
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor, None]:
        x, weight, mean, variance = ctx.saved_tensors
        wide, grad = _widened(x), _widened(grad.contiguous(memory_format=torch.channels_last_3d))
        times = wide.shape[1] // x.shape[1]
        values = [value.repeat(times) for value in (weight, mean, variance)]
        # As if the statistics were constants; what comes through them is a linear function of x.
        direct, *sums = torch.ops.aten.native_batch_norm_backward(
            grad, wide, *values, None, None, False, ctx.eps, [True] * 3
        )
        grad_weight, grad_bias = (value.view(times, -1).sum(0) for value in sums)
        scale = (variance + ctx.eps).rsqrt()
        slope = -(scale**2) * _of_group(weight * grad_weight, ctx.groups) / x[0, 0].numel()
        offset = -scale * _of_group(weight * grad_bias, ctx.groups) / x[0, 0].numel() - slope * mean
        through = _affine(x, slope, offset, out=torch.empty_like(x))
        return _narrowed(direct, x).add_(through), None, grad_weight, grad_bias, None


def _statistics_applied(
    x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float, out: Tensor
) -> tuple[Tensor, Tensor]:
    """The norm, and for each channel mean and population variance of its group, float32."""
    channels, variance = moments(x)
    mean = _of_group(channels, groups)
    variance = _of_group(variance + (channels - mean) ** 2, groups)
    scale = weight * (variance + eps).rsqrt()
    _affine(x, scale.float(), (bias - mean * scale).float(), out)
    return mean.float(), variance.float()


def _of_group(values: Tensor, groups: int) -> Tensor:
    """For each channel the mean over the channels of its group."""
    grouped = values.view(groups, -1)
    return grouped.mean(1, keepdim=True).expand_as(grouped).flatten()


def _affine(x: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> Tensor:
    """``x * scale + shift`` per channel, rounded once: batch norm of mean 0 and variance 1."""
    wide, there = _widened(x), _widened(out)
    times = wide.shape[1] // x.shape[1]
    zeros = torch.zeros(wide.shape[1])
    torch.ops.aten.native_batch_norm.out(
        wide,
        scale.repeat(times),
        shift.repeat(times),
        zeros,
        zeros + 1,
        False,
        0.0,
        0.0,
        out=there,
        save_mean=torch.empty(0),
        save_invstd=torch.empty(0),
    )
    return out


def _widened(x: Tensor) -> Tensor:
    """A view with neighbours along x as further channels, in the order (neighbour, channel)."""
    times = max(1, WIDE // x.shape[1])
    while x.shape[4] % times:
        times //= 2
    rows = x.permute(0, 2, 3, 4, 1)
    return rows.view(*rows.shape[:3], -1, times * x.shape[1]).permute(0, 4, 1, 2, 3)


def _narrowed(wide: Tensor, like: Tensor) -> Tensor:
    """The inverse of :func:`_widened`."""
    return (
        wide.permute(0, 2, 3, 4, 1)
        .view(*like.shape[:1], *like.shape[2:], like.shape[1])
        .permute(0, 4, 1, 2, 3)
    )
