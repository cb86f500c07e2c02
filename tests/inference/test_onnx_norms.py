"""The norms of exported networks are those of the network."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from brats_seg.inference.onnx_norms import MeansOfMeans, replace_norms
from brats_seg.models import UNet
from brats_seg.models.norms import GroupNorm, InstanceNorm


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_a_network_computes_the_same(norm: str) -> None:
    torch.manual_seed(0)
    net = UNet(width=16, norm=norm, attention=True, residual=True, dropout=0.0).eval()  # type: ignore[arg-type]
    image = torch.randn(1, 4, 16, 24, 16)
    with torch.inference_mode():
        expected = net(image, deep=False).main
        assert replace_norms(net) is net
        assert replace_norms(net) is net
        torch.testing.assert_close(net(image, deep=False).main, expected, atol=1e-4, rtol=1e-4)
    norms = [m for m in net.modules() if isinstance(m, nn.InstanceNorm3d | nn.GroupNorm)]
    assert len(norms) == sum(isinstance(m, MeansOfMeans) for m in net.modules())


@pytest.mark.parametrize("kind", ["instance", "group"])
def test_means_of_means_are_the_norm(kind: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 8, 96, 96, 80) * (0.1 + torch.rand(1, 8, 1, 1, 1)) + torch.randn(1, 8, 1, 1, 1)
    x[:, :, :30] = 0.3
    norm: nn.InstanceNorm3d | nn.GroupNorm = (
        InstanceNorm(8, affine=True) if kind == "instance" else GroupNorm(4, 8)
    )
    nn.init.uniform_(norm.weight, 0.5, 2)
    groups = 8 if kind == "instance" else 4
    with torch.no_grad():
        truth = functional.group_norm(x.double(), groups, norm.weight.double(), norm.bias.double())
        torch.testing.assert_close(MeansOfMeans(norm)(x), truth.float(), atol=2e-5, rtol=0)
