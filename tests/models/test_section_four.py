"""The networks of section 4: sizes, every weight learns, the same twice, 16 bit, bundles, exported files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from brats_seg.artifacts import load_bundle, save_bundle
from brats_seg.errors import UserError
from brats_seg.inference import export
from brats_seg.models import BiFPN, DenseUNet, InvertedResidualUNet, Network, UNet, from_settings
from brats_seg.models.bifpn import Fusion, Round
from brats_seg.models.blocks import next_width
from brats_seg.models.dense import DenseStage
from brats_seg.models.inverted_residual import Bottleneck
from brats_seg.preprocessing import MinMax
from brats_seg.terms import MODALITIES, REGIONS

PLAIN = 23_154_735
COUNTS = {
    "residual": 23_302_383,
    "dense": 22_941_999,
    "inverted_residual": 27_313_983,
    "bifpn": 18_969_163,
}


def make(name: str, width: int = 4, norm: Any = "group") -> Network:
    torch.manual_seed(0)
    if name == "residual":
        return UNet(width=width, norm=norm, attention=False, residual=True, dropout=0.0)
    made = {"dense": DenseUNet, "inverted_residual": InvertedResidualUNet, "bifpn": BiFPN}[name]
    return made(width=width, norm=norm)


def image(batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, len(MODALITIES), 16, 24, 32, generator=torch.Generator().manual_seed(1))


def total(net: Network, batch: int = 1) -> torch.Tensor:
    logits = net(image(batch))
    generator = torch.Generator().manual_seed(2)
    heads = (logits.main, *logits.deep)
    weights = [torch.randn(head.shape, generator=generator) for head in heads]
    return torch.stack([(head * weight).sum() for head, weight in zip(heads, weights, strict=True)]).sum()


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_at_the_papers_width(name: str) -> None:
    with torch.device("meta"):
        net = make(name, width=48)
    count = sum(p.numel() for p in net.parameters())
    assert count == COUNTS[name]
    assert 0.8 < count / PLAIN < 1.2


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16, 32, 48])
@pytest.mark.parametrize("name", COUNTS)
def test_widths_that_the_plain_network_takes(name: str, width: int) -> None:
    with torch.device("meta"):
        make(name, width)


@pytest.mark.parametrize("norm", ["group", "instance"])
@pytest.mark.parametrize("name", COUNTS)
def test_every_head_at_full_size_and_every_weight_learns(name: str, norm: str) -> None:
    net = make(name, norm=norm)
    logits = net(image(2))
    assert [head.shape for head in (logits.main, *logits.deep)] == [(2, len(REGIONS), 16, 24, 32)] * 5
    assert net(image(), deep=False).deep == ()
    total(net, 2).backward()
    without = [key for key, p in net.named_parameters() if p.grad is None or not (p.grad != 0).any()]
    assert without == []
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", COUNTS)
def test_the_same_twice_and_with_checkpointing(name: str) -> None:
    found = []
    for checkpointing in (False, False, True):
        net = make(name)
        net.checkpointing = checkpointing
        total(net).backward()
        found.append([p.grad for p in net.parameters()])
    assert all(map(torch.equal, found[0], found[1]))
    for first, third in zip(found[0], found[2], strict=True):
        torch.testing.assert_close(first, third)


@pytest.mark.parametrize("name", COUNTS)
def test_sixteen_bit_is_near(name: str) -> None:
    net = make(name)
    with torch.no_grad():
        exact = net(image()).main
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(image())
    assert logits.main.dtype == torch.bfloat16
    assert (logits.main.float() - exact).abs().mean() < 0.1 * exact.abs().mean()
    logits.main.float().square().mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("name", COUNTS)
def test_a_bundle_gives_it_back(name: str, tmp_path: Path) -> None:
    net = make(name).eval()
    normalisation = MinMax(1, 99).settings()
    save_bundle(tmp_path / "x", net, pipeline="a", normalisation=normalisation, provenance={}, scores={})
    again = load_bundle(tmp_path / "x").net()
    assert type(again) is type(net)
    with torch.no_grad():
        assert torch.equal(again(image()).main, net(image()).main)


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.slow  # tracing with open sizes takes ten seconds
@pytest.mark.parametrize(
    ("name", "format", "suffix"),
    [
        ("residual", "torch_export", ".pt2"),
        ("dense", "onnx", ".onnx"),
        ("inverted_residual", "torch_export", ".pt2"),
        ("bifpn", "onnx", ".onnx"),
    ],
)
def test_an_exported_file_answers_the_same(name: str, format: str, suffix: str, tmp_path: Path) -> None:
    normalisation = MinMax(1, 99).settings()
    save_bundle(
        tmp_path / "x", make(name), pipeline="a", normalisation=normalisation, provenance={}, scores={}
    )
    made = load_bundle(tmp_path / "x")
    assert export(made, tmp_path / f"net{suffix}", format=format, parity_shape=(24, 40, 32)) <= 1e-4


@pytest.mark.parametrize(
    "change", [{"width": 10**6}, {"norm": "batch"}, {"attention": True}, {"width": 4.0}, {"name": "dense"}]
)
def test_foreign_settings_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        from_settings({**make("dense").settings(), **change})


def test_a_dense_stage_sees_all_that_was_before() -> None:
    stage = DenseStage(6, 8, "instance")
    assert [layer.conv.in_channels for layer in stage.layers] == [6, 10, 14]  # type: ignore[union-attr]
    a, b = torch.randn(1, 2, 4, 4, 4), torch.randn(1, 4, 4, 4, 4)
    features = [torch.cat([a, b], 1)]
    for layer in stage.layers:
        features.append(layer(torch.cat(features, 1)))
    torch.testing.assert_close(stage(a, b), stage.transition(torch.cat(features, 1)))


def test_a_bottleneck_adds_its_input_where_widths_agree() -> None:
    x = torch.randn(1, 4, 4, 4, 4)
    for outputs in (4, 6):
        block = Bottleneck(4, outputs, "instance")
        nn.init.zeros_(block.project.norm.weight)  # type: ignore[arg-type]
        nn.init.zeros_(block.project.norm.bias)  # type: ignore[arg-type]
        expected = x if outputs == 4 else torch.zeros(1, 6, 4, 4, 4)
        torch.testing.assert_close(block(x), expected)
    assert block.depthwise.groups == block.depthwise.in_channels == 16


def test_fusion_is_a_mean_by_weights_that_are_not_negative() -> None:
    fusion = Fusion(3, 4, "instance")
    fusion.conv = nn.Identity()  # type: ignore[assignment]
    fusion.weights.data = torch.tensor([3.0, -5.0, 1.0])
    a, b, c = torch.randn(3, 1, 4, 2, 2, 2)
    torch.testing.assert_close(fusion(a, b, c), (3 * a + c) / (4 + 1e-4))


def test_a_round_goes_down_and_up() -> None:
    """What changes at the lowest level reaches the highest, and back, in one round."""
    once = Round(4, "instance")
    levels = [torch.randn(1, 4, n, n, n) for n in (16, 8, 4, 2)]
    answers = once(*levels)
    assert [answer.shape for answer in answers] == [level.shape for level in levels]
    for changed in range(4):
        others = [level + torch.randn_like(level) * (place == changed) for place, level in enumerate(levels)]
        assert all(not torch.equal(x, y) for x, y in zip(once(*others), answers, strict=True))


def test_widths_that_group_norm_takes() -> None:
    assert [next_width(n) for n in (0.5, 1, 4, 16, 17, 24, 48)] == [1, 1, 4, 16, 32, 32, 48]
    assert [next_width(n, doublings=3) for n in (2.7, 5.3, 10.7, 42.7, 64)] == [4, 8, 16, 48, 64]


def test_what_a_step_holds_is_more_than_a_plain_network_holds() -> None:
    """A prediction takes fewer views at a time where the first stage has more channels."""
    assert make("inverted_residual", 8).channels > make("residual", 8).channels
    assert make("bifpn", 8).channels > make("residual", 8).channels
