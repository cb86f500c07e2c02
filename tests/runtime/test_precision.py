"""The precision of a training is one that its patches can have."""

from __future__ import annotations

import pytest
import torch

from brats_seg.errors import UserError
from brats_seg.models.blocks import conv3d
from brats_seg.runtime.precision import default_precision, exact_float32, training_precision


def test_a_training_takes_what_was_asked_for_or_suits_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert training_precision("bf16-mixed", "cpu") == "bf16-mixed"
    assert training_precision("auto", "cpu") == "32-true"


@pytest.mark.parametrize("precision", ["16-mixed", "16-true", 16])
def test_fp16_is_for_gpus(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="needs a GPU: use bf16-mixed or 32-true"):
        training_precision(precision, "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training_precision(precision, "auto") == str(precision)


def test_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert training_precision("auto", "auto") == "bf16-mixed"
    assert training_precision("auto", "cpu") == "32-true"


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize(
    "shape",
    [(1, 8, 8), (2, 4, 4), (2, 8, 6), (3, 4, 4), (4, 1, 4), (4, 4, 4), (6, 6, 6), (7, 7, 7), (16, 4, 4)],
)
@pytest.mark.parametrize(("channels", "kernel"), [(16, 3), (2, 7)])
def test_gradients_in_bf16_are_near_those_in_fp32(
    channels: int, kernel: int, shape: tuple[int, int, int], layout: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(0)
    image, upstream = (torch.randn((2, channels, *shape), generator=generator).bfloat16() for _ in range(2))
    weights = torch.randn((channels, channels, kernel, kernel, kernel), generator=generator).bfloat16()
    low, exact = weights.float().requires_grad_(), weights.float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        conv3d(image.contiguous(memory_format=layout), low, kernel // 2, 1).backward(
            upstream.contiguous(memory_format=layout)
        )
    conv3d(image.float(), exact, kernel // 2, 1).backward(upstream.float())
    assert low.grad is not None
    assert exact.grad is not None
    torch.testing.assert_close(low.grad, exact.grad, rtol=2e-2, atol=2e-2 * float(exact.grad.abs().max()))


@pytest.mark.parametrize(
    ("capability", "native", "expected"),
    [("AVX512", True, "bf16-mixed"), ("AVX512", False, "32-true"), ("AVX2", True, "32-true")],
)
def test_bf16_only_on_a_cpu_that_has_its_instructions(
    monkeypatch: pytest.MonkeyPatch, capability: str, native: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    assert default_precision("cpu") == expected


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16-mixed"), (False, "16-mixed")])
def test_fp16_on_a_gpu_without_bf16(monkeypatch: pytest.MonkeyPatch, native: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert default_precision("auto") == expected


def test_fp32_is_no_tf32(request: pytest.FixtureRequest) -> None:
    switches = (torch.backends.cudnn, torch.backends.cuda.matmul)
    for switch in switches:
        before = switch.allow_tf32
        request.addfinalizer(lambda switch=switch, before=before: setattr(switch, "allow_tf32", before))
        switch.allow_tf32 = True
    exact_float32()
    assert not any(switch.allow_tf32 for switch in switches)
