"""The network that PAPER.md decides: its size, its shapes, its levels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from brats_seg.errors import UserError
from brats_seg.losses import DeepSupervisionLoss, DiceLoss
from brats_seg.models import UNet, from_settings
from brats_seg.models.blocks import ConvNormReLU, conv3d, halve
from brats_seg.models.unet import Stage
from brats_seg.terms import MODALITIES, REGIONS

PLAIN: dict[str, Any] = {"width": 4, "norm": "group", "attention": False, "residual": False, "dropout": 0.0}


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(("attention", "count"), [(False, 23_154_735), (True, 23_182_724)])
def test_parameter_count_of_the_paper(attention: bool, count: int) -> None:
    with torch.device("meta"):
        net = UNet(**{**PLAIN, "width": 48, "attention": attention})
    assert parameters(net) == count


@pytest.mark.parametrize(
    "change", [{}, {"norm": "instance"}, {"attention": True}, {"residual": True}, {"dropout": 0.2}]
)
def test_every_head_answers_at_full_size(change: dict[str, Any]) -> None:
    net = UNet(**{**PLAIN, **change})
    logits = net(torch.randn(2, len(MODALITIES), 16, 24, 32))
    assert len(logits.deep) == 4
    assert all(head.shape == (2, len(REGIONS), 16, 24, 32) for head in (logits.main, *logits.deep))
    sum(head.square().mean() for head in (logits.main, *logits.deep)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_deep_heads_are_computed_only_when_asked_and_change_nothing() -> None:
    net = UNet(**PLAIN).eval()
    image = torch.randn(1, 4, 16, 16, 16)
    assert net(image, deep=False).deep == ()
    torch.testing.assert_close(net(image, deep=False).main, net(image).main)


@pytest.mark.parametrize("level", range(4))
def test_each_auxiliary_head_sends_gradient_to_its_own_level(level: int) -> None:
    net = UNet(**PLAIN)
    net(torch.randn(1, 4, 16, 16, 16)).deep[level].sum().backward()
    reached = [head.weight.grad is not None for head in net.heads]  # type: ignore[union-attr]
    assert reached == [k == level for k in range(4)]
    assert net.encoder[0].first.conv.weight.grad is not None  # type: ignore[union-attr]
    assert net.main.weight.grad is None


def test_samples_of_a_batch_do_not_see_each_other() -> None:
    for norm in ("group", "instance"):
        net = UNet(**{**PLAIN, "norm": norm, "attention": True}).eval()
        images = torch.randn(3, 4, 16, 16, 16)
        alone = torch.cat([net(image[None]).main for image in images])
        torch.testing.assert_close(net(images).main, alone, atol=1e-4, rtol=1e-4)


def test_channels_last_computes_the_same() -> None:
    net = UNet(**PLAIN).eval()
    image = torch.randn(1, 4, 16, 16, 16)
    expected = net(image).main
    other = net.to(memory_format=torch.channels_last_3d)(
        image.contiguous(memory_format=torch.channels_last_3d)
    ).main
    torch.testing.assert_close(other, expected, atol=1e-4, rtol=1e-4)


def test_inputs_are_convolved_as_if_concatenated() -> None:
    block = ConvNormReLU(7, 5, "instance")
    a, b = torch.randn(2, 3, 6, 6, 6), torch.randn(2, 4, 6, 6, 6)
    torch.testing.assert_close(block(a, b), block(torch.cat([a, b], 1)), atol=1e-5, rtol=1e-4)


def test_groups_are_at_most_sixteen() -> None:
    for width, first in ((8, 8), (16, 16), (32, 16)):
        norms = [m for m in UNet(**{**PLAIN, "width": width}).modules() if isinstance(m, nn.GroupNorm)]
        assert {norm.num_groups for norm in norms} == {first, 16}


@pytest.mark.parametrize("channels", [3, 8])
def test_halving_without_a_gradient_is_max_pooling(channels: int) -> None:
    x = torch.randn(1, channels, 4, 6, 8).contiguous(memory_format=torch.channels_last_3d)
    x[0, 0, 0, 0, 0] = torch.nan
    with torch.no_grad():
        answer = halve(x)
    assert answer.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(answer, functional.max_pool3d(x, 2), rtol=0, atol=0, equal_nan=True)


def seen_by(voxel: int, size: int) -> tuple[int, int]:
    """First and last voxel along one axis that the main head's answer depends on, by the plan of PAPER.md."""
    low = high = voxel
    for level in range(
        3
    ):  # two convolutions on each level of the decoder, then the interpolation from the level below
        low, high = low - 2, high + 2
        fine, coarse = (size >> level) - 1, (size >> level + 1) - 1
        low, high = low * coarse // fine, -(-high * coarse // fine)
    low, high = low - 1, high + 1  # the lowest convolution
    low, high = low - 4, high + 4  # two dilated ones
    for level in (3, 2, 1, 0):
        low, high = low - 2, high + 2
        if level:
            low, high = 2 * low, 2 * high + 1
    return low, high


def test_a_voxel_sees_what_the_plan_lets_it_see_and_nothing_else() -> None:
    net = UNet(**{**PLAIN, "width": 1}).double()
    size, voxel = 256, 128
    for module in net.modules():
        if isinstance(module, ConvNormReLU):
            module.norm = nn.Identity()  # its statistics see everything
    for parameter in net.parameters():
        parameter.data.abs_()  # no ReLU is at rest, no terms cancel
    # It grows outwards, so pooling hands the gradient to the outer voxel of each pair.
    image = (torch.arange(size) - voxel).abs().double().expand(1, 4, 8, 8, size).clone().requires_grad_()
    net(image, deep=False).main[0, 0, 4, 4, voxel].backward()
    assert image.grad is not None
    seen = image.grad[0].sum((0, 1, 2)).nonzero().flatten()
    assert (int(seen[0]), int(seen[-1])) == seen_by(voxel, size)
    assert seen[0] > 0
    assert seen[-1] < size - 1


def test_convolutions_before_a_norm_have_no_bias_and_heads_have() -> None:
    net = UNet(**{**PLAIN, "attention": True})
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv3d):
            assert (module.bias is not None) == (module.kernel_size == (1, 1, 1)), name


def test_settings_rebuild_it() -> None:
    net = UNet(**{**PLAIN, "attention": True})
    rebuilt = from_settings(net.settings())
    rebuilt.load_state_dict(net.state_dict())
    assert rebuilt.settings() == net.settings()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"name": "os.system", **PLAIN},
        {"name": "unet", **PLAIN, "_target_": "x"},
        {"name": "unet", **PLAIN, "width": 10**6},
        {"name": "unet", **PLAIN, "width": True},
        {"name": "unet", **PLAIN, "norm": "batch"},
        {"name": "unet", **PLAIN, "dropout": 1.5},
        {"name": "unet", **PLAIN, "width": 12},
    ],
)
def test_foreign_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        from_settings(settings)


@pytest.mark.parametrize(("depth", "padding"), [(6, 1), (7, 1), (6, 2), (4, 2), (2, 1), (1, 1)])
def test_small_volume_convolves_as_torch_does(depth: int, padding: int) -> None:
    x = (
        torch.randn(1, 3, depth, 5, 4, dtype=torch.float64)
        .to(memory_format=torch.channels_last_3d)
        .requires_grad_()
    )
    weight = torch.randn(2, 3, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    ours = conv3d(x, weight, padding, padding)
    theirs = torch.nn.functional.conv3d(x, weight, padding=padding, dilation=padding)
    torch.testing.assert_close(ours, theirs)
    upstream = torch.randn_like(theirs)
    torch.testing.assert_close(
        torch.autograd.grad(ours, (x, weight), upstream), torch.autograd.grad(theirs, (x, weight), upstream)
    )


def test_residual_connection_adds_a_projection_of_the_stage_input() -> None:
    stage = Stage(3, 4, 5, "instance", attention=False, residual=True, dropout=0.0)
    a, b = torch.randn(2, 1, 6, 6, 6), torch.randn(2, 2, 6, 6, 6)
    assert stage.project is not None
    expected = stage.second(stage.first(a, b)) + functional.conv3d(torch.cat([a, b], 1), stage.project.weight)
    torch.testing.assert_close(stage(a, b), expected)
    assert parameters(UNet(**{**PLAIN, "residual": True})) > parameters(UNet(**PLAIN))


def test_dropout_drops_whole_channels_in_training_only() -> None:
    stage = Stage(3, 8, 64, "instance", attention=False, residual=False, dropout=0.5)
    x = torch.randn(1, 3, 6, 6, 6)
    dropped = (stage(x) == 0).flatten(2).all(2)
    assert 10 < int(dropped.sum()) < 54
    stage.eval()
    assert not (stage(x) == 0).flatten(2).all(2).any()
    stage.dropout = None
    torch.testing.assert_close(stage(x), stage.eval()(x))


def test_a_voxel_does_not_see_beyond_its_receptive_field() -> None:
    block = ConvNormReLU(1, 1, "instance", dilation=2)
    image = torch.randn(1, 1, 9, 9, 9, requires_grad=True)
    conv3d(image, block.conv.weight, 2, 2)[0, 0, 4, 4, 4].backward()
    assert image.grad is not None
    seen = image.grad[0, 0].nonzero()
    assert sorted(set(seen[:, 0].tolist())) == [2, 4, 6]


def test_gradients_go_through_all_five_heads() -> None:
    net = UNet(**PLAIN)
    logits = net(torch.randn(1, 4, 16, 16, 16))
    heads = (logits.main, *logits.deep)
    for head in heads:
        head.retain_grad()
    DeepSupervisionLoss(DiceLoss(squared=True, smooth=1.0))(logits, torch.ones_like(logits.main)).backward()
    assert all(head.grad is not None and (head.grad != 0).any() for head in heads)
    assert all(
        p.grad is not None and (p.grad != 0).any() for p in (net.main.weight, *(h.weight for h in net.heads))
    )


def test_heads_start_as_the_keys_say_and_as_the_released_code_without_them() -> None:
    def deviation(net: UNet) -> float:
        return float(torch.cat([head.weight.detach().flatten() for head in (net.main, *net.heads)]).std())

    released = UNet(**{**PLAIN, "width": 16})
    assert deviation(released) == pytest.approx((2 / len(REGIONS)) ** 0.5, rel=0.1)
    net = UNet(**{**PLAIN, "width": 16}, head_std=0.01, head_bias=-2.0)
    assert deviation(net) == pytest.approx(0.01, rel=0.1)
    assert all((head.bias == -2).all() for head in (net.main, *net.heads))
    assert net.settings() == UNet(**{**PLAIN, "width": 16}).settings()  # trained weights need no start
