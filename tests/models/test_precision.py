"""The precision of a training is one that its patches can have."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from brats_seg.errors import UserError
from brats_seg.models.precision import default_precision, training_precision


def test_patches_of_sixteen_voxels_do_not_train_in_bf16_on_a_cpu() -> None:
    assert training_precision("auto", "cpu", [16, 48, 48]) == "32-true"
    assert training_precision("32-true", "cpu", [16, 48, 48]) == "32-true"
    with pytest.raises(UserError, match=r"data\.patch=\[24,"):
        training_precision("bf16-mixed", "cpu", [16, 48, 48])


def test_other_patches_train_in_what_was_asked_for() -> None:
    assert training_precision("bf16-mixed", "cpu", [24, 16, 16]) == "bf16-mixed"
    assert training_precision("auto", "cpu", [24, 16, 16]) == default_precision("cpu")


@pytest.mark.parametrize("precision", ["16-mixed", "16-true", 16])
def test_fp16_is_for_gpus(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="needs a GPU: use bf16-mixed or 32-true"):
        training_precision(precision, "cpu", [128, 128, 128])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training_precision(precision, "auto", [16, 16, 16]) == str(precision)


def test_on_a_gpu_depth_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert training_precision("auto", "auto", [16, 16, 16]) == "bf16-mixed"
    assert training_precision("auto", "cpu", [16, 16, 16]) == "32-true"


@pytest.mark.parametrize("depth", [3, 4, 6, 16])
def test_gradients_in_bf16_are_near_those_in_fp32(depth: int) -> None:
    generator = torch.Generator().manual_seed(depth)
    image, upstream = (torch.randn((2, 16, depth, 4, 4), generator=generator).bfloat16() for _ in range(2))
    weights = torch.randn((16, 16, 3, 3, 3), generator=generator).bfloat16()
    low, exact = weights.clone().requires_grad_(), weights.float().requires_grad_()
    F.conv3d(image, low, padding=1).backward(upstream)
    F.conv3d(image.float(), exact, padding=1).backward(upstream.float())
    assert low.grad is not None
    assert exact.grad is not None
    torch.testing.assert_close(low.grad.float(), exact.grad, rtol=2e-2, atol=2e-2 * float(exact.grad.abs().max()))
