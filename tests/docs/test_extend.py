"""The files that docs/how-to/extend.md writes work: networks of other packages, a loss, data of one's own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from brats_seg.artifacts import load_bundle, save_bundle
from brats_seg.errors import UserError
from brats_seg.models import OwnNetwork
from brats_seg.preprocessing import ZScore, normalisation_from
from brats_seg.training.config import build
from brats_seg.training.network import make_network
from brats_seg.training.refusals import refuse_impossible

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "extend.md"
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.M | re.S)
SMALL: dict[str, list[str]] = {
    "small": ["model.width=4"],
    "segresnet": ["model.init_filters=8"],
    "dynunet": ["model.filters=[4,8,8,8]"],
    "swin": ["model.feature_size=12"],
    "res_enc_l": ["model.width=2"],
}
"""Fewer channels, so that the test takes seconds."""


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's files, its commands of this package left out."""
    lines = []
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        lines += [line for line in block.splitlines() if "brats-seg " not in line]
    subprocess.run(["bash", "-e"], input="\n".join(lines), text=True, cwd=tmp_path, check=True)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "my_conf"
    for name in ("my_nets", "my_loss", "my_data"):
        sys.modules.pop(name, None)


def config(conf: Path, *overrides: str) -> DictConfig:
    places = ["data.root=x", "hydra.searchpath=[pkg://brats_seg.conf]"]
    with initialize_config_dir(str(conf), version_base="1.3"):
        (conf / "root.yaml").write_text("defaults:\n  - train\n  - _self_\n")
        return compose("root", [*places, *overrides])


def test_every_model_is_tried(conf: Path) -> None:
    assert {path.stem for path in (conf / "model").glob("*.yaml")} == set(SMALL)


@pytest.mark.parametrize("name", [pytest.param(each, marks=pytest.mark.slow) for each in SMALL])
def test_a_network_of_another_package(conf: Path, tmp_path: Path, name: str) -> None:
    asked = config(conf, f"model={name}", *SMALL[name])
    refuse_impossible(asked)
    torch.manual_seed(0)
    net = make_network(asked.model)
    assert isinstance(net, OwnNetwork)
    image = torch.randn(1, 4, 64, 24, 32)
    net(image).main.square().mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())
    net.eval()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        assert net(image).main.isfinite().all()
    record: dict[str, Any] = {"pipeline": "b", "normalisation": ZScore().settings()}
    save_bundle(tmp_path / "bundle", net, provenance={}, scores={}, **record)
    package = asked.model._target_.partition(".")[0]
    with pytest.raises(UserError, match=rf"trust=\[{package}\]"):
        load_bundle(tmp_path / "bundle").net()
    again = load_bundle(tmp_path / "bundle", package).net()
    with torch.no_grad():
        torch.testing.assert_close(again(image).main, net(image).main)


def test_a_loss(conf: Path) -> None:
    loss = build(config(conf, "loss=cross_entropy").loss)
    logits, target = torch.randn(2, 3, 4, 4, 4), torch.ones(2, 3, 4, 4, 4)
    assert loss(logits, target).shape == ()
    assert loss.case_losses(logits, target).shape == (2,)


def test_normalisation_and_augmentation(conf: Path) -> None:
    asked = config(conf, "data=cut")
    refuse_impossible(asked)
    data = build(asked.data)
    settings = data.normalise.settings()
    assert settings == {"name": "my_data.Cut", "most": 1500.0}
    assert normalisation_from(settings, ["my_data"]).settings() == settings
    image, target = torch.zeros(2, 4, 8, 8, 8), torch.zeros(2, 3, 8, 8, 8)
    first, _ = data.augmentation(image, target, [1, 2])
    again, _ = data.augmentation(image, target, [1, 2])
    assert torch.equal(first, again)
    assert (first[0] != first[1]).any()


def test_an_experiment(conf: Path) -> None:
    assert config(conf, "experiment=strong_flips").data.augmentation.flip == 0.8
