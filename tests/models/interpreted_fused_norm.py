"""The Triton kernels, in Triton's interpreter, against float64; ``test_fused_norm.py`` runs it in a process.

Triton decides when it is first imported whether it interprets.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from brats_seg.models import norm_plan
from brats_seg.models.fused_norm import norm_relu

CASES = (
    (1, 48, 4, (5, 7, 9), 12),
    (3, 6, 6, (7, 8, 9), 9),
    (2, 96, 2, (3, 4, 5), 2048),
    (1, 5, 5, (1, 1, 3), 4),
    (1, 1, 1, (3, 5, 7), 5),
    (2, 24, 8, (4, 4, 8), 1),
)
"""Samples, channels, groups, size, most programs."""


def rows(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator) + 3 * torch.randn(1, shape[1], 1, 1, 1, generator=generator)
    return x.contiguous(memory_format=torch.channels_last_3d)


def answers(function: object, values: list[Tensor], upstream: Tensor, groups: int) -> list[Tensor]:
    """The value and the gradients of all inputs, in float64."""
    leaves = [value.clone().requires_grad_() for value in values]
    value = function(*leaves, groups, 1e-5)  # type: ignore[operator]
    found = torch.autograd.grad(value, leaves, upstream.to(value.dtype))
    return [each.detach().double() for each in (value, *found)]


def exact(x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> Tensor:
    return functional.relu(functional.group_norm(x, groups, weight, bias, eps))


@pytest.mark.parametrize(("samples", "channels", "groups", "shape", "programs"), CASES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_values_and_gradients_are_those_of_float64(
    samples: int,
    channels: int,
    groups: int,
    shape: tuple[int, int, int],
    programs: int,
    dtype: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(norm_plan, "PROGRAMS", programs)
    monkeypatch.setattr(norm_plan, "TILE", 512)
    monkeypatch.setattr(norm_plan, "LEAST_TILES", 2)
    monkeypatch.setattr(norm_plan, "COMBINED", 16)
    x, upstream = (rows(samples, channels, *shape, seed=seed).to(dtype) for seed in (0, 1))
    weight, bias = torch.linspace(0.5, 1.5, channels), torch.linspace(-1, 1, channels)
    ours = answers(norm_relu, [x, weight, bias], upstream, groups)
    theirs = answers(exact, [x.double(), weight.double(), bias.double()], upstream, groups)
    rounding = torch.finfo(dtype).eps
    for one, other, tolerance in zip(ours, theirs, (rounding, rounding, 1e-4, 1e-4), strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance * float(other.abs().max()))


def test_type_layout_and_statistics() -> None:
    x = rows(2, 6, 4, 4, 4, seed=0).half()
    y, mean, rstd = torch.ops.brats_seg.norm_relu(x, torch.ones(6), torch.zeros(6), 3, 0.0)
    assert y.dtype == torch.float16
    assert y.is_contiguous(memory_format=torch.channels_last_3d)
    grouped = x.double().reshape(2, 3, -1)
    torch.testing.assert_close(mean.double(), grouped.mean(2), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(rstd.double(), grouped.var(2, correction=0).rsqrt(), rtol=1e-6, atol=1e-6)


def test_a_mean_far_from_zero_costs_no_digits() -> None:
    x = (200 + torch.randn(1, 4, 16, 16, 16, generator=torch.Generator().manual_seed(0))).half()
    x = x.contiguous(memory_format=torch.channels_last_3d)
    _, _, rstd = torch.ops.brats_seg.norm_relu(x, torch.ones(4), torch.zeros(4), 4, 0.0)
    torch.testing.assert_close(
        rstd.double()[0], x.double().flatten(2).var(2, correction=0).rsqrt()[0], rtol=1e-5, atol=0
    )


def test_torch_checks_the_registration() -> None:
    x = rows(2, 4, 3, 4, 5, seed=0).half().requires_grad_()
    weight, bias = torch.ones(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.brats_seg.norm_relu, (x, weight, bias, 2, 1e-5), test_utils=checks)


def test_no_gradient_is_asked_for_in_prediction() -> None:
    x = rows(1, 4, 3, 4, 5, seed=0).half()
    with torch.inference_mode():
        y = norm_relu(x, torch.ones(4), torch.zeros(4), 2, 1e-5)
    torch.testing.assert_close(
        y.float(), exact(x.float(), torch.ones(4), torch.zeros(4), 2, 1e-5), rtol=1e-3, atol=1e-3
    )
