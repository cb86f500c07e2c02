"""Training steps on a real card: every switch, both pipelines, the paper's full size. ``make test-gpu``.

Imports nothing but torch, jaxtyping, pytest and the package's ``models``, ``losses`` and ``terms``, so that
it runs where only these are.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from brats_seg.losses import DeepSupervisionLoss, DiceLoss
from brats_seg.models import UNet, fused_norm
from brats_seg.models.fused_norm import norm_relu

CUDA = torch.cuda.is_available()
BF16 = CUDA and torch.cuda.is_bf16_supported(including_emulation=False)
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not CUDA, reason="NO GPU on this machine: the CUDA path is NOT tested"),
]
needs_bf16 = pytest.mark.skipif(not BF16, reason="this card has no bf16 of its own")
DTYPES = [torch.float16, pytest.param(torch.bfloat16, marks=needs_bf16)]
NORMS = ["group", "instance"]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    gc.collect()
    torch.cuda.empty_cache()


def network(width: int = 16, **changes: Any) -> UNet:
    torch.manual_seed(0)
    net = UNet(
        **{"width": width, "norm": "group", "attention": False, "residual": False, "dropout": 0.0, **changes}
    )
    return net.to("cuda", memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]


def batch(count: int = 1, side: int = 64) -> tuple[Tensor, Tensor]:
    """An image, and what it shows: where its first channel is large, smoothed."""
    generator = torch.Generator("cuda").manual_seed(1)
    image = torch.randn(count, 4, *[side] * 3, generator=generator, device="cuda")
    image = 3 * functional.avg_pool3d(image, 5, stride=1, padding=2)
    target = torch.stack([image[:, 0] > level for level in (0.1, 0.3, 0.5)], 1)
    return image.contiguous(memory_format=torch.channels_last_3d), target


def step(
    net: nn.Module, image: Tensor, target: Tensor, dtype: torch.dtype | None, squared: bool = True
) -> Tensor:
    """The loss; gradients are left in the network. fp16 is scaled as a training does."""
    net.zero_grad()
    with torch.autocast("cuda", dtype or torch.bfloat16, enabled=dtype is not None, cache_enabled=False):
        logits = net(image)
    loss = DeepSupervisionLoss(DiceLoss(squared=squared, smooth=1.0))(logits, target)
    scale = 2.0**10 if dtype == torch.float16 else 1.0
    (loss * scale).backward()
    for parameter in net.parameters():
        assert parameter.grad is not None
        parameter.grad /= scale
    return loss.detach()


def gradients(net: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for p in net.parameters() if p.grad is not None]


def alike(one: list[Tensor], other: list[Tensor], least: float) -> None:
    """Direction and length of the whole gradient."""
    a, b = (torch.cat([each.flatten().double() for each in some]) for some in (one, other))
    assert a.isfinite().all()
    assert functional.cosine_similarity(a, b, dim=0) > least
    assert abs(a.norm() / b.norm() - 1) < 5 * (1 - least) ** 0.5


def exact(x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> Tensor:
    return functional.relu(functional.group_norm(x, groups, weight, bias, eps))


def answers(function: Any, values: list[Tensor], upstream: Tensor, groups: int) -> list[Tensor]:
    leaves = [value.clone().requires_grad_() for value in values]
    answer = function(*leaves, groups, 1e-5)
    found = torch.autograd.grad(answer, leaves, upstream.to(answer.dtype))
    return [each.detach().double() for each in (answer, *found)]


SHAPES = [
    (1, 48, 96, 64, 80),
    (3, 96, 33, 31, 29),
    (1, 192, 32, 32, 32),
    (2, 384, 16, 16, 16),
    (3, 16, 5, 7, 9),
    (1, 1, 3, 5, 7),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_fused_norm_is_that_of_float64(shape: tuple[int, ...], norm: str, dtype: torch.dtype) -> None:
    channels = shape[1]
    groups = min(16, channels) if norm == "group" else channels
    torch.manual_seed(0)
    x = torch.randn(shape, device="cuda") + 2 * torch.randn(1, channels, 1, 1, 1, device="cuda")
    x, upstream = (
        t.to(dtype).contiguous(memory_format=torch.channels_last_3d) for t in (x, torch.randn_like(x))
    )
    weight, bias = (
        torch.linspace(0.5, 1.5, channels, device="cuda"),
        torch.linspace(-1, 1, channels, device="cuda"),
    )
    assert fused_norm.applies(x)
    ours = answers(norm_relu, [x, weight, bias], upstream, groups)
    theirs = answers(exact, [x.double(), weight.double(), bias.double()], upstream, groups)
    rounding = torch.finfo(dtype).eps
    for one, other, tolerance in zip(ours, theirs, (rounding, rounding, 1e-4, 1e-4), strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance * float(other.abs().max()))


@pytest.mark.skipif(
    not CUDA or torch.cuda.get_device_properties(0).total_memory < 40 * 2**30, reason="needs 40 GB"
)
def test_a_tensor_of_more_than_31_bits() -> None:
    x = torch.randn(6, 48, 200, 200, 200, device="cuda", dtype=torch.float16).to(
        memory_format=torch.channels_last_3d
    )
    weight, bias = torch.ones(48, device="cuda"), torch.zeros(48, device="cuda")
    assert x.numel() > 2**31
    y, mean, rstd = torch.ops.brats_seg.norm_relu(x, weight, bias, 16, 1e-5)
    alone, *_ = torch.ops.brats_seg.norm_relu(x[-1:], weight, bias, 16, 1e-5)
    torch.testing.assert_close(y[-1:], alone, rtol=2e-3, atol=2e-3)
    dx, *_ = torch.ops.brats_seg.norm_relu_backward(y, x, weight, bias, mean, rstd)
    alone, *_ = torch.ops.brats_seg.norm_relu_backward(y[-1:], x[-1:], weight, bias, mean[-1:], rstd[-1:])
    torch.testing.assert_close(dx[-1:], alone, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("change", [{}, {"norm": "instance"}, {"attention": True}, {"residual": True}])
def test_gradients_are_near_those_in_float32_fused_or_not(
    change: dict[str, Any], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    net, (image, target) = network(**change), batch(2)
    step(net, image, target, None)
    truth = gradients(net)
    for fused in (True, False):
        net.fuse_norms(fused)
        step(net, image, target, dtype)
        alike(gradients(net), truth, 0.98 if dtype == torch.bfloat16 else 0.995)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_training_gets_better(norm: str, dtype: torch.dtype) -> None:
    net, (image, target) = network(norm=norm, attention=True), batch(2)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(40):
        losses.append(float(step(net, image, target, dtype, squared=norm == "group")))
        adam.step()
    assert losses[-1] < 0.95 * losses[0]


def held(net: nn.Module, image: Tensor, dtype: torch.dtype | None) -> int:
    """Bytes kept for the backward pass. The peak has workspaces in it, whose size is cuDNN's choice."""
    before = torch.cuda.memory_allocated()
    with torch.autocast("cuda", dtype or torch.bfloat16, enabled=dtype is not None, cache_enabled=False):
        logits = net(image)
    assert logits.main.requires_grad
    return torch.cuda.memory_allocated() - before


@pytest.mark.parametrize("norm", NORMS)
def test_checkpointing_gives_the_same_gradients_and_keeps_less(norm: str) -> None:
    net, (image, target) = network(norm=norm, attention=True), batch(2)
    found, kept = [], []
    for wanted in (False, True):
        net.checkpointing = wanted
        step(net, image, target, torch.float16)
        found.append(gradients(net))
        kept.append(held(net, image, torch.float16))
    alike(found[1], found[0], 0.9999)
    assert kept[1] < 0.6 * kept[0]


@pytest.mark.parametrize("norm", NORMS)
def test_deterministic_means_equal_bits(
    norm: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    request.addfinalizer(lambda: torch.use_deterministic_algorithms(False))
    net, (image, target) = network(norm=norm, attention=True), batch(2)
    first = step(net, image, target, torch.float16), *gradients(net)
    second = step(net, image, target, torch.float16), *gradients(net)
    assert all(a.equal(b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("norm", NORMS)
def test_16_bit_keeps_less_than_32(norm: str) -> None:
    net, (image, _) = network(norm=norm), batch(2)
    assert held(net, image, torch.float16) < 0.65 * held(net, image, None)


@pytest.mark.parametrize("norm", NORMS)
def test_compiled_is_one_graph_with_the_same_gradients(norm: str, request: pytest.FixtureRequest) -> None:
    request.addfinalizer(torch._dynamo.reset)
    request.addfinalizer(lambda: jaxtyping.config.update("jaxtyping_disable", False))
    jaxtyping.config.update("jaxtyping_disable", True)  # else the checks of shapes would be traced, too
    net, (image, target) = network(norm=norm), batch(2, side=32)
    step(net, image, target, torch.float16)
    eager = gradients(net)
    net.compile(fullgraph=True)
    step(net, image, target, torch.float16)
    alike(gradients(net), eager, 0.995)


@pytest.mark.parametrize(("norm", "count", "limit"), [("group", 1, 8), ("instance", 3, 16)])
def test_a_step_of_the_paper_fits_its_card(norm: str, count: int, limit: float) -> None:
    net, (image, target) = network(48, norm=norm), batch(count, side=128)
    dtype = torch.bfloat16 if BF16 else torch.float16
    torch.cuda.reset_peak_memory_stats()
    assert step(net, image, target, dtype, squared=norm == "group").isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients(net))
    peak = torch.cuda.max_memory_allocated() / 2**30
    print(
        f"{torch.cuda.get_device_name()}: {norm}, batch {count}: peak {peak:.2f} GiB with cuDNN's workspaces"
    )
    assert peak < limit
