"""Determinism on CUDA computes what torch computes, values and gradients; so do checkpointed activations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from brats_seg.models import UNet, deterministic

PLAIN: dict[str, Any] = {"width": 4, "norm": "group", "attention": True, "residual": False, "dropout": 0.0}
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
    ),
]


def answers(function: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Value, and gradient of a sum whose terms differ."""
    leaf = x.detach().clone().requires_grad_()
    value = function(leaf)
    upstream = torch.linspace(-1, 1, value.numel(), dtype=x.dtype, device=x.device).reshape(value.shape)
    return value.detach(), torch.autograd.grad(value, leaf, upstream)[0]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("channels", [3, deterministic.FEW])
def test_upsampling_is_that_of_torch(factor: int, device: str, channels: int) -> None:
    x = torch.randn(2, channels, 4, 5, 1, device=device)
    ours = answers(lambda t: deterministic.upsample(t, factor), x)
    theirs = answers(
        lambda t: functional.interpolate(t, scale_factor=float(factor), mode="trilinear", align_corners=True),
        x,
    )
    torch.testing.assert_close(ours[0], theirs[0], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(ours[1], theirs[1], atol=1e-4, rtol=1e-5)  # sums of up to 512 terms
    exact = answers(lambda t: deterministic.upsample(t, factor), x.double())
    reference = functional.interpolate(
        x.double(), scale_factor=float(factor), mode="trilinear", align_corners=True
    )
    torch.testing.assert_close(exact[0], reference, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("channels", [3, 16])
def test_upsampling_keeps_the_type_and_rounds_little(dtype: torch.dtype, channels: int) -> None:
    x = torch.rand(1, channels, 5, 6, 7).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        assert deterministic.upsample(x, 2).dtype == dtype
    ours = answers(lambda t: deterministic.upsample(t, 2), x)
    theirs = answers(
        lambda t: functional.interpolate(t, scale_factor=2.0, mode="trilinear", align_corners=True),
        x.double(),
    )
    rounding = torch.finfo(dtype).eps
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == dtype
        assert (one.double() - other).abs().max() < 2 * rounding * other.abs().max()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("size", [7, 8, 16, 19, 64])
def test_a_constant_stays_constant(dtype: torch.dtype, size: int) -> None:
    x = torch.full((1, 8, size, 2, size), 1.25, dtype=dtype)
    answer = deterministic.upsample(x, 2)
    torch.testing.assert_close(
        answer, torch.full_like(answer, 1.25), rtol=0, atol=0 if dtype != torch.float32 else 1e-6
    )


@pytest.mark.parametrize("channels", [3, 16])
def test_upsampling_answers_in_the_layout_of_its_use(channels: int) -> None:
    x = torch.randn(2, channels, 3, 4, 5).contiguous(memory_format=torch.channels_last_3d)
    layout = torch.contiguous_format if channels < deterministic.FEW else torch.channels_last_3d
    assert deterministic.upsample(x, 2).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("levels", [2, 3, 1000])
def test_pooling_is_that_of_torch_ties_included(levels: int, device: str) -> None:
    x = (
        torch.randint(levels, (2, 3, 8, 6, 4), generator=torch.Generator().manual_seed(levels))
        .float()
        .to(device)
    )
    for ours, theirs in zip(
        answers(deterministic.max_pool, x), answers(lambda t: functional.max_pool3d(t, 2), x), strict=True
    ):
        assert ours.equal(theirs)


def test_pooling_hands_on_what_is_not_a_number() -> None:
    x = torch.zeros(1, 1, 2, 2, 4)
    x[0, 0, 1, 0, 1] = float("nan")
    assert deterministic.max_pool(x).isnan().flatten().tolist() == [True, False]


def test_a_cpu_keeps_the_faster_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not deterministic.wanted(torch.zeros(1, device="meta"))
    # The switch itself imports the compiler, which takes seconds.
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    assert not deterministic.wanted(torch.zeros(1))
    assert deterministic.wanted(torch.zeros(1, device="meta"))


def gradients(net: UNet, image: Tensor) -> list[Tensor]:
    net.zero_grad()
    logits = net(image)
    sum(head.square().mean() for head in (logits.main, *logits.deep)).backward()
    return [p.grad.clone() for p in net.parameters() if p.grad is not None]


def test_the_whole_net_with_either_formulation(monkeypatch: pytest.MonkeyPatch) -> None:
    net, image = UNet(**PLAIN).double(), torch.randn(1, 4, 16, 16, 16, dtype=torch.float64)
    theirs = gradients(net, image)
    monkeypatch.setattr(deterministic, "wanted", lambda x: True)
    torch.testing.assert_close(gradients(net, image), theirs, atol=1e-10, rtol=1e-6)


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU on this machine: two runs on CUDA are not compared"
)
def test_two_backward_passes_on_cuda_are_equal(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    request.addfinalizer(lambda: torch.use_deterministic_algorithms(False))
    net, image = UNet(**PLAIN).cuda(), torch.randn(2, 4, 32, 32, 32, device="cuda")
    first, second = gradients(net, image), gradients(net, image)
    assert all(a.equal(b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("change", [{}, {"norm": "instance"}, {"residual": True}, {"dropout": 0.3}])
def test_checkpointed_activations_give_the_same_gradients(change: dict[str, Any]) -> None:
    net, image = UNet(**{**PLAIN, **change}), torch.randn(1, 4, 16, 16, 16)
    torch.manual_seed(1)
    kept = gradients(net, image)
    net.checkpointing = True
    torch.manual_seed(1)
    assert all(a.equal(b) for a, b in zip(gradients(net, image), kept, strict=True))


def test_checkpointing_keeps_fewer_activations() -> None:
    net, image = UNet(**PLAIN), torch.randn(1, 4, 16, 16, 16)

    def kept_bytes() -> int:
        sizes: dict[int, int] = {}

        def pack(x: Tensor) -> Tensor:
            sizes[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            logits = net(image)
        assert logits.main.requires_grad
        return sum(sizes.values())

    everything = kept_bytes()
    net.checkpointing = True
    assert kept_bytes() < everything / 2
