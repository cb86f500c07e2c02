"""Norms whose statistics hold for a whole brain.

On a CPU torch's kernels for ``channels_last_3d`` add up a channel in float32, value by value: over the millions of voxels of a
brain they lose so many digits that label maps change (normalised values are off by up to 0.02; contiguous ones, summed in double,
by 1e-6). Here a part at a time is summed, pairwise and about a pivot, and the parts in double. Only whole brains need it, and
where no gradient is wanted it can also work in place, which is faster.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

Net = TypeVar("Net", bound=nn.Module)
PART = 2**17
"""Values at a time: half a megabyte stays in a core's cache."""


class WholeBrainNorm(nn.Module):
    """The same function as the norm it is made of; overwrites its input where it can.

    Args:
        norm: Affine instance norm, or group norm.
    """

    def __init__(self, norm: nn.InstanceNorm3d | nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, z, y, x)`` to the same shape; what is not one sample in ``channels_last_3d`` on a CPU is left to torch."""
        channels_last = x.is_contiguous(memory_format=torch.channels_last_3d)
        if len(x) > 1 or x.device.type != "cpu" or not channels_last or torch.is_grad_enabled():
            answer: Tensor = self.norm(x)
            return answer
        mean, variance = moments(x)
        if isinstance(self.norm, nn.GroupNorm):
            groups = mean.view(self.norm.num_groups, -1)
            second = (variance + mean**2).view_as(groups).mean(1, keepdim=True).expand_as(groups).flatten()
            mean = groups.mean(1, keepdim=True).expand_as(groups).flatten()
            variance = second - mean**2
        if x.dtype != torch.float32:
            values = mean.float(), variance.float(), self.norm.weight, self.norm.bias
            return functional.batch_norm(x, *values, training=False, eps=self.norm.eps)
        scale = self.norm.weight / (variance + self.norm.eps).sqrt()
        shift = self.norm.bias - mean * scale
        rows = x.permute(0, 2, 3, 4, 1).view(-1, x.shape[4] * x.shape[1])  # long enough to be worth a vector loop
        torch.addcmul(shift.float().repeat(x.shape[4]), rows, scale.float().repeat(x.shape[4]), out=rows)
        return x


class MeansOfMeans(nn.Module):
    """A norm whose statistics are taken axis by axis, each over a few hundred values.

    ONNX Runtime adds up the millions of voxels of a channel one by one in float32: at the size of a brain probabilities were off
    by up to 3e-3.
    """

    def __init__(self, norm: nn.InstanceNorm3d | nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm
        self.groups = norm.num_groups if isinstance(norm, nn.GroupNorm) else norm.num_features

    def forward(self, x: Tensor) -> Tensor:
        """``(1, c, z, y, x)`` to the same shape."""
        x = x - self._mean(x)
        scale = self.norm.weight.view(1, -1, 1, 1, 1) * (self._mean(x * x) + self.norm.eps).rsqrt()
        return x * scale + self.norm.bias.view(1, -1, 1, 1, 1)

    def _mean(self, x: Tensor) -> Tensor:
        channels = x.mean(4).mean(3).mean(2).view(1, self.groups, -1)
        return channels.mean(2, keepdim=True).expand_as(channels).reshape(1, -1, 1, 1, 1)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and population variance of each channel of one sample in ``channels_last_3d``, float64."""
    rows = x.permute(0, 2, 3, 4, 1).view(-1, x.shape[1])
    pivot = rows[:: max(1, len(rows) // 4096)].mean(0, dtype=torch.float32)
    sums, squares = [], []
    for part in torch.split(rows, max(1, PART // x.shape[1])):
        away = part - pivot
        sums.append(away.sum(0))
        squares.append(away.square_().sum(0))
    distance = torch.stack(sums).double().sum(0) / len(rows)
    return pivot + distance, torch.stack(squares).double().sum(0) / len(rows) - distance**2


def replace_norms(net: Net, by: type[nn.Module] = WholeBrainNorm) -> Net:
    """Put a module made of it in the place of every norm of a network; the network itself is changed and given back."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.InstanceNorm3d | nn.GroupNorm) and not isinstance(module, by):
                setattr(module, name, by(child))
    return net
