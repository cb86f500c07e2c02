"""The network against one in torch's own operations that shares only its weights: ``benchmarks/plain.py``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from brats_seg.models import UNet

ROOT = Path(__file__).parents[2]
VARIANTS: dict[str, dict[str, Any]] = {
    "A": {"norm": "group", "attention": False, "residual": False},
    "A with attention": {"norm": "group", "attention": True, "residual": False},
    "B": {"norm": "instance", "attention": False, "residual": False},
    "residual": {"norm": "group", "attention": False, "residual": True},
}


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain", ROOT / "benchmarks" / "plain.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def gradients(net: UNet, image: Tensor, heads: list[Tensor]) -> dict[str, Tensor]:
    """Of a sum in which every voxel of every head has a weight of its own."""
    generator = torch.Generator().manual_seed(2)
    weights = [torch.randn(head.shape, generator=generator, dtype=head.dtype) for head in heads]
    total = torch.stack([(head * weight).sum() for head, weight in zip(heads, weights, strict=True)]).sum()
    names, parameters = zip(*net.named_parameters(), strict=True)
    found = torch.autograd.grad(total, (image, *parameters))
    return dict(zip(("image", *names), found, strict=True))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d], ids=["plain", "last"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_same_weights_same_answers_and_gradients(
    plain: ModuleType, variant: str, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    net = UNet(width=4, dropout=0.0, **VARIANTS[variant]).double()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # norms and heads, too, differ from where they start
    net.to(memory_format=layout)  # type: ignore[call-overload]
    # No side equals another, and the lowest level has more than one voxel along each.
    image = torch.randn(1, 4, 16, 24, 32, dtype=torch.double).to(memory_format=layout).requires_grad_()
    logits = net(image)
    ours = [logits.main, *logits.deep]
    theirs = plain.plain_unet(net, image, groups=None if net.settings()["norm"] == "instance" else 16)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(
        gradients(net, image, ours), gradients(net, image, theirs), rtol=1e-5, atol=1e-5
    )
