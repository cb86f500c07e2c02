"""The norms of a whole brain are those of the network, to the last digits, where torch's own are not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from brats_seg.inference.norms import MeansOfMeans, WholeBrainNorm, moments, replace_norms
from brats_seg.models import UNet


def brain(channels: int) -> Tensor:
    """Mostly one value, the rest far from zero mean: what a convolution leaves of a brain and its background."""
    torch.manual_seed(0)
    x = torch.randn(1, channels, 96, 96, 80) * (0.1 + torch.rand(1, channels, 1, 1, 1)) + torch.randn(1, channels, 1, 1, 1)
    x[:, :, :30] = 0.3
    return x.contiguous(memory_format=torch.channels_last_3d)


def made(kind: str, channels: int) -> nn.InstanceNorm3d | nn.GroupNorm:
    norm = nn.InstanceNorm3d(channels, affine=True) if kind == "instance" else nn.GroupNorm(channels // 2, channels)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.uniform_(norm.bias, -1, 1)
    return norm


@pytest.mark.parametrize("kind", ["instance", "group"])
@pytest.mark.parametrize("channels", [4, 32])
def test_statistics_are_exact_and_the_input_is_reused(kind: str, channels: int) -> None:
    x, norm = brain(channels), made(kind, channels)
    expected = made(kind, channels).double()
    expected.load_state_dict(norm.state_dict())
    with torch.inference_mode():
        truth = expected(x.double().contiguous())
        answer = WholeBrainNorm(norm)(x)
    assert (answer.double() - truth).abs().max() < 2e-5
    assert answer.data_ptr() == x.data_ptr()
    assert answer.is_contiguous(memory_format=torch.channels_last_3d)


def test_moments() -> None:
    x = brain(4)
    mean, variance = moments(x)
    torch.testing.assert_close(mean, x.double().mean((0, 2, 3, 4)), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(variance, x.double().var((0, 2, 3, 4), correction=0), atol=1e-6, rtol=1e-6)


def test_half_precision_keeps_its_type() -> None:
    x, norm = brain(8).bfloat16(), made("instance", 8)
    with torch.inference_mode():
        answer = WholeBrainNorm(norm)(x)
        truth = functional.instance_norm(x.float().contiguous(), weight=norm.weight, bias=norm.bias)
    assert answer.dtype == torch.bfloat16
    assert (answer.float() - truth).abs().max() < 0.05


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_a_network_computes_the_same(norm: str) -> None:
    torch.manual_seed(0)
    net = UNet(width=16, norm=norm, attention=True, residual=True, dropout=0.0).eval()  # type: ignore[arg-type]
    image = torch.randn(1, 4, 16, 24, 16)
    with torch.inference_mode():
        expected = net(image, deep=False).main
        replace_norms(net).to(memory_format=torch.channels_last_3d)
        assert replace_norms(net) is net
        one = net(image.contiguous(memory_format=torch.channels_last_3d), deep=False).main
        two = net(image.repeat(2, 1, 1, 1, 1), deep=False).main
    torch.testing.assert_close(one, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(two, expected.repeat(2, 1, 1, 1, 1), atol=1e-4, rtol=1e-4)
    assert sum(isinstance(m, WholeBrainNorm) for m in net.modules()) == sum(
        isinstance(m, nn.InstanceNorm3d | nn.GroupNorm) for m in net.modules()
    )


@pytest.mark.parametrize("kind", ["instance", "group"])
def test_means_of_means_are_the_norm(kind: str) -> None:
    x, norm = brain(8), made(kind, 8)
    with torch.no_grad():
        torch.testing.assert_close(MeansOfMeans(norm)(x), norm.double()(x.double().contiguous()).float(), atol=2e-5, rtol=0)
