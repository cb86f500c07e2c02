"""What ``gpu.py`` measures of single kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import torch
from gpu_measures import seconds
from torch import Tensor
from torch.nn import functional

from brats_seg.models import deterministic, fused_norm, norm_plan


def norms_alone(device: torch.device, shapes: Iterable[tuple[int, ...]]) -> dict[str, Any]:
    """GB/s of the fused norm: forward reads one twice and writes one, backward reads two twice."""
    found = {}
    for shape in shapes:
        x = torch.randn(shape, device=device).bfloat16().contiguous(memory_format=torch.channels_last_3d)
        weight, bias = torch.ones(shape[1], device=device), torch.zeros(shape[1], device=device)
        _, mean, rstd = torch.ops.brats_seg.norm_relu(x, weight, bias, min(16, shape[1]), 1e-5)

        def forward(x: Tensor = x, weight: Tensor = weight, bias: Tensor = bias) -> object:
            return torch.ops.brats_seg.norm_relu(x, weight, bias, min(16, x.shape[1]), 1e-5)

        def backward(
            x: Tensor = x, weight: Tensor = weight, mean: Tensor = mean, rstd: Tensor = rstd
        ) -> object:
            return torch.ops.brats_seg.norm_relu_backward(x, x, weight, weight, mean, rstd)

        there, back = (median(seconds(work, device, 10, 3)) for work in (forward, backward))
        found[str(shape)] = {
            "forward_gb_s": 3 * x.nbytes / there / 1e9,
            "backward_gb_s": 5 * x.nbytes / back / 1e9,
            "forward_ms": 1000 * there,
            "backward_ms": 1000 * back,
        }
    return found


def upsampling_alone(device: torch.device, shapes: Iterable[tuple[int, ...]]) -> dict[str, Any]:
    """Milliseconds of forward and backward: torch's kernel, and matrix products."""

    def native(x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2.0, mode="trilinear", align_corners=True)

    ways = {"torch": native, "products": lambda x: deterministic.upsample(x, 2)}
    found: dict[str, Any] = {}
    for shape in shapes:
        x = (
            torch.randn(shape, device=device)
            .bfloat16()
            .contiguous(memory_format=torch.channels_last_3d)
            .requires_grad_()
        )
        for name, way in ways.items():

            def work(x: Tensor = x, way: Callable[[Tensor], Tensor] = way) -> object:
                y = way(x)
                return torch.autograd.grad(y, x, y)

            found[f"{name} {shape}"] = 1000 * median(seconds(work, device, 5, 2))
    return found


def fused_errors(device: torch.device, shapes: Iterable[tuple[int, ...]]) -> dict[str, Any]:
    """Largest differences of the fused norm from float64 over the largest value: answer and gradients."""
    found = {}
    for shape in shapes:
        for groups in (min(16, shape[1]), shape[1]):
            x, upstream = (torch.randn(shape, device=device).bfloat16() for _ in range(2))
            x, upstream = (t.contiguous(memory_format=torch.channels_last_3d) for t in (x + 1, upstream))
            values = [
                x,
                torch.linspace(0.5, 1.5, shape[1], device=device),
                torch.linspace(-1, 1, shape[1], device=device),
            ]
            ours = _answers(fused_norm.norm_relu, values, upstream, groups)
            theirs = _answers(_exact, [value.double() for value in values], upstream, groups)
            errors = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs, strict=True)]
            found[f"{shape}, {groups} groups"] = dict(zip(("y", "dx", "weight", "bias"), errors, strict=True))
    return found


def _answers(
    function: Callable[..., Tensor], values: list[Tensor], upstream: Tensor, groups: int
) -> list[Tensor]:
    leaves = [value.clone().requires_grad_() for value in values]
    answer = function(*leaves, groups, 1e-5)
    found = torch.autograd.grad(answer, leaves, upstream.to(answer.dtype))
    return [each.detach().double() for each in (answer, *found)]


def _exact(x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> Tensor:
    return functional.relu(functional.group_norm(x, groups, weight, bias, eps))


def norm_settings(device: torch.device, shape: tuple[int, ...]) -> dict[str, Any]:
    """How fast the fused norm is for other sizes of tiles and numbers of programs."""
    kept = norm_plan.TILE, norm_plan.PROGRAMS
    found = {}
    for tile in (1024, 2048, 4096):
        for programs in (1024, 2048, 4096, 8192):
            norm_plan.TILE, norm_plan.PROGRAMS = tile, programs
            alone = norms_alone(device, [shape])[str(shape)]
            found[f"tile {tile}, programs {programs}"] = {
                key: round(alone[key], 1) for key in ("forward_gb_s", "backward_gb_s")
            }
    norm_plan.TILE, norm_plan.PROGRAMS = kept
    return found
