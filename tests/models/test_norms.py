"""The fast norms are torch's, to more digits than torch's own have in this layout; so are their gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from brats_seg.models.norms import GroupNorm, InstanceNorm, applies, moments, normalise

SHAPES = ((3, 5, 6), (2, 2, 2), (1, 1, 8), (8, 6, 16))


def packed(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator) + 3 * torch.randn(1, shape[1], 1, 1, 1, generator=generator)
    return x.contiguous(memory_format=torch.channels_last_3d)


def brain(channels: int) -> Tensor:
    """Mostly one value, the rest far from zero mean: a brain and its background after a convolution."""
    torch.manual_seed(0)
    x = torch.randn(1, channels, 96, 96, 80) * (0.1 + torch.rand(1, channels, 1, 1, 1)) + torch.randn(
        1, channels, 1, 1, 1
    )
    x[:, :, :30] = 0.3
    return x.contiguous(memory_format=torch.channels_last_3d)


def made(kind: str, channels: int) -> nn.InstanceNorm3d | nn.GroupNorm:
    norm = InstanceNorm(channels, affine=True) if kind == "instance" else GroupNorm(channels // 2, channels)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.uniform_(norm.bias, -1, 1)
    return norm


@pytest.mark.parametrize("channels", [4, 32])
def test_moments(channels: int) -> None:
    x = brain(channels)
    mean, variance = moments(x)
    torch.testing.assert_close(mean, x.double().mean((0, 2, 3, 4)), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(variance, x.double().var((0, 2, 3, 4), correction=0), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", ["instance", "group"])
@pytest.mark.parametrize("channels", [4, pytest.param(32, marks=pytest.mark.slow)])
def test_a_whole_brain_keeps_its_digits_and_no_gradient_needs_no_memory(kind: str, channels: int) -> None:
    x, norm = brain(channels), made(kind, channels)
    groups = norm.num_groups if isinstance(norm, nn.GroupNorm) else channels
    truth = functional.group_norm(x.double().contiguous(), groups, norm.weight.double(), norm.bias.double())
    with torch.inference_mode():
        answer = norm(x)
    assert (answer.double() - truth).abs().max() < 2e-5
    assert answer.data_ptr() == x.data_ptr()
    assert answer.is_contiguous(memory_format=torch.channels_last_3d)


@pytest.mark.parametrize(("channels", "groups"), [(1, 1), (8, 8), (48, 16), (80, 16)])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_torch(
    channels: int, groups: int, shape: tuple[int, int, int]
) -> None:
    x, grad = packed(1, channels, *shape), packed(1, channels, *shape, seed=1)
    weight, bias = torch.rand(channels) + 0.5, torch.randn(channels)
    assert applies(x)
    ours = [value.clone().requires_grad_() for value in (x, weight, bias)]
    theirs = [value.double().requires_grad_() for value in (x, weight, bias)]
    answer = normalise(ours[0], groups, *ours[1:], 1e-5)
    expected = functional.group_norm(theirs[0], groups, *theirs[1:])
    answer.backward(grad)
    expected.backward(grad.double())
    assert answer.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(answer.double(), expected, atol=2e-5, rtol=1e-4)
    for one, other in zip(ours, theirs, strict=True):
        assert one.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(one.grad.double(), other.grad, atol=5e-5, rtol=1e-4)


def test_half_precision_keeps_its_type_and_rounds_little() -> None:
    x = packed(1, 8, 6, 8, 16).bfloat16().requires_grad_()
    norm, grad = made("instance", 8), packed(1, 8, 6, 8, 16, seed=1).bfloat16()
    truth = x.detach().double().requires_grad_()
    expected = functional.group_norm(truth, 8, norm.weight.double(), norm.bias.double())
    answer = norm(x)
    answer.backward(grad)
    expected.backward(grad.double())
    assert x.grad is not None
    assert truth.grad is not None
    assert answer.dtype == x.grad.dtype == torch.bfloat16
    for one, other in ((answer, expected), (x.grad, truth.grad)):
        assert (one.double() - other).abs().max() < 0.01 * other.abs().max()


@pytest.mark.parametrize("kind", ["instance", "group"])
def test_what_is_no_single_sample_in_channels_last_is_left_to_torch(kind: str) -> None:
    norm, one = made(kind, 8), packed(1, 8, 4, 6, 8)
    for x in (packed(2, 8, 4, 6, 8), one.contiguous(), one.double()):
        assert not applies(x)
    two = norm(one.repeat(2, 1, 1, 1, 1))
    torch.testing.assert_close(two, norm(one).repeat(2, 1, 1, 1, 1), atol=2e-5, rtol=1e-4)


def test_the_gradient_of_one_sample_is_right_in_every_layout() -> None:
    """torch 2.13's instance norm fails this for a gradient in channels_last_3d."""
    norm = made("instance", 8).double()
    x, grad = packed(1, 8, 4, 6, 8).double(), packed(1, 8, 4, 6, 8, seed=1).double()
    found = []
    for layout in (torch.channels_last_3d, torch.contiguous_format):
        image = x.detach().clone(memory_format=layout).requires_grad_()
        norm(image).backward(grad.contiguous(memory_format=layout))
        found.append(image.grad)
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)
