"""Group or instance norm and ReLU in one on CUDA: 16 bit, ``channels_last_3d`` kept, statistics in float32.

torch 2.13's own norms on CUDA go contiguous, and its autocast takes group norm to float32: both move and keep
several times as much. The operators are registered with torch, so that ``torch.compile`` sees one node; the
kernels are in :mod:`norm_kernels` and :mod:`norm_gradient_kernels`, imported when they are first needed.
Backward keeps the 16-bit input, a mean and a scale per group, nothing else.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from brats_seg.models.norm_plan import plan, second_stage_sizes

HAS_TRITON = find_spec("triton") is not None


def applies(x: Tensor) -> bool:
    """Whether the kernels can take this tensor."""
    return (
        HAS_TRITON
        and x.is_cuda
        and x.dtype in (torch.float16, torch.bfloat16)
        and x.is_contiguous(memory_format=torch.channels_last_3d)
    )


def norm_relu(x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> Tensor:
    """``relu(group_norm(x))`` of the type and layout of ``x``.

    Args:
        x: ``(samples, channels, z, y, x)``, 16 bit.
        weight: ``(channels,)``.
        bias: ``(channels,)``.
        groups: As many as channels for instance norm.
        eps: Added to the variance.

    Returns:
        As ``x``, in ``channels_last_3d``.
    """
    y: Tensor = torch.ops.brats_seg.norm_relu(x, weight, bias, groups, eps)[0]
    return y


@torch.library.custom_op(
    "brats_seg::norm_relu",
    mutates_args=(),
    schema="(Tensor x, Tensor weight, Tensor bias, int groups, float eps) -> (Tensor, Tensor, Tensor)",
)
def _forward(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The answer, and mean and one over the standard deviation ``(samples, groups)``."""
    from brats_seg.models import norm_kernels as kernels

    x = x.contiguous(memory_format=torch.channels_last_3d)
    y, mean, rstd = _empty_answers(x, weight, bias, groups, eps)
    p = plan(x.shape)
    size = p.channels // groups
    means, squares = x.new_empty((2, p.samples, p.runs, p.channels), dtype=torch.float32)
    tile = {"C": p.channels, "COLUMNS": p.columns, "ROWS": p.rows}
    with torch.cuda.device(x.get_device()):
        kernels.moments_kernel[p.grid](x, means, squares, p.voxels, p.run, **tile)
        kernels.combine_moments_kernel[groups, p.samples](
            means, squares, mean, rstd, p.voxels, p.run, p.runs, eps, **second_stage_sizes(p.channels, size)
        )
        kernels.normalise_kernel[p.grid](x, weight, bias, mean, rstd, y, p.voxels, p.run, SIZE=size, **tile)
    return y, mean, rstd


@_forward.register_fake
def _empty_answers(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    mean = x.new_empty((x.shape[0], groups), dtype=torch.float32)
    rstd = torch.empty_like(mean)
    return torch.empty_like(x, memory_format=torch.channels_last_3d), mean, rstd


@torch.library.custom_op(
    "brats_seg::norm_relu_backward",
    mutates_args=(),
    schema="(Tensor dy, Tensor x, Tensor weight, Tensor bias, Tensor mean, Tensor rstd)"
    " -> (Tensor, Tensor, Tensor)",
)
def _backward(
    dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``x``, weight and bias."""
    from brats_seg.models import norm_gradient_kernels as kernels

    dy, x = (each.contiguous(memory_format=torch.channels_last_3d) for each in (dy, x))
    p = plan(x.shape)
    groups = mean.shape[1]
    size = p.channels // groups
    tile = {"C": p.channels, "SIZE": size, "COLUMNS": p.columns, "ROWS": p.rows}
    dx = torch.empty_like(x)
    sums, products = x.new_empty((2, p.samples, p.runs, p.channels), dtype=torch.float32)
    of_bias, of_weight = x.new_empty((2, p.samples, p.channels), dtype=torch.float32)
    through_mean, through_scale = torch.empty_like(mean), torch.empty_like(mean)
    with torch.cuda.device(x.get_device()):
        kernels.gradient_sums_kernel[p.grid](
            dy, x, weight, bias, mean, rstd, sums, products, p.voxels, p.run, **tile
        )
        kernels.combine_gradient_sums_kernel[groups, p.samples](
            sums,
            products,
            weight,
            of_bias,
            of_weight,
            through_mean,
            through_scale,
            p.voxels,
            p.runs,
            **second_stage_sizes(p.channels, size),
        )
        kernels.gradient_kernel[p.grid](
            dy, x, weight, bias, mean, rstd, through_mean, through_scale, dx, p.voxels, p.run, **tile
        )
    return dx, of_weight.sum(0).to(weight.dtype), of_bias.sum(0).to(bias.dtype)


@_backward.register_fake
def _empty_gradients(
    dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.empty_like(x, memory_format=torch.channels_last_3d),
        torch.empty_like(weight),
        torch.empty_like(bias),
    )


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, weight, bias, *_ = inputs
    _, mean, rstd = output
    ctx.save_for_backward(x, weight, bias, mean, rstd)
    ctx.mark_non_differentiable(mean, rstd)
    ctx.set_materialize_grads(False)  # no zeros for these two


def _gradients(ctx: Any, dy: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor, None, None]:
    dx, of_weight, of_bias = torch.ops.brats_seg.norm_relu_backward(dy, *ctx.saved_tensors)
    return dx, of_weight, of_bias, None, None


_forward.register_autograd(_gradients, setup_context=_keep)
