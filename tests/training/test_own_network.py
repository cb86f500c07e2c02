"""What is wrong with a network of one's own is one line, before anything is prepared."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, open_dict

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.errors import UserError, WrongValue
from brats_seg.models import OwnNetwork, UNet
from brats_seg.training import train
from brats_seg.training.network import make_network, packages_of
from brats_seg.training.refusals import refuse_impossible

Config = Callable[..., DictConfig]
SOURCE = """
import numpy as np
import torch
from torch import nn
from brats_seg.data import BraTSDataModule
from brats_seg.augment import Augmentation

class Net(nn.Module):
    def __init__(self, width: int, levels: list | None = None):
        super().__init__()
        self.first, self.last = nn.Conv3d(4, width, 3, padding=1), nn.Conv3d(width, 3, 1)
        self.norm = nn.BatchNorm3d(width)
    def forward(self, image):
        return self.last(self.norm(self.first(image)).relu())

def make(width): return Net(width)
class Flat: ...

class Cut:
    def __init__(self, most: float): self.most = most
    def __call__(self, image): return np.clip(image / self.most, 0, 1).astype(np.float32)
    def settings(self): return {"name": "own_training.Cut", "most": self.most}

class Nameless(Cut):
    def settings(self): return {"name": "cut", "most": self.most}

class Brighter:
    def __init__(self, by: float): self.by = by
    def __call__(self, image, target, seeds): return image + self.by, target

class Data(BraTSDataModule):
    pipeline = "b"
    def __init__(self, *, most: float, brighter: float, nameless: bool = False, **common):
        common.pop("augmentation")
        normalise = Nameless(most) if nameless else Cut(most)
        super().__init__(normalise=normalise, augmentation=Brighter(brighter), **common)
"""


def with_model(config: DictConfig, **model: Any) -> DictConfig:
    """As ``--config-dir mine model=my_net``."""
    with open_dict(config):
        config.model = {"_target_": "own_training.Net", "width": 2, **model}
    return config


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_training.py").write_text(SOURCE)
    (tmp_path / "own_broken.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_training", None)


def test_networks_of_this_package_and_others(config: Config, root: Path, tmp_path: Path) -> None:
    ours = config(root, tmp_path, "experiment=pipeline_b")
    assert type(make_network(ours.model)) is UNet
    assert packages_of(ours) == ["brats_seg"]
    own = with_model(config(root, tmp_path), levels=[1, [2, 3]])
    net = make_network(own.model)
    assert isinstance(net, OwnNetwork)
    assert net.settings() == {
        "name": "own_training.Net",
        "arguments": {"width": 2, "levels": [1, [2, 3]]},
    }
    assert packages_of(own) == ["brats_seg", "own_training"]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"_target_": "own_training.Nett"}, r"model: there is no own_training\.Nett"),
        ({"_target_": "no_package.Net"}, r"model: there is no no_package\.Net \(No module named"),
        ({"_target_": "own_broken.Net"}, r"model: there is no own_broken\.Net \(No module .*library"),
        ({"_target_": "own_training.make"}, r"model: own_training\.make is no subclass of torch\.nn"),
        ({"_target_": "own_training.Flat"}, r"model: own_training\.Flat is no subclass of torch\.nn"),
        ({"_target_": "brats_seg.models.NoNet"}, r"model: there is no brats_seg\.models\.NoNet"),
        ({"_target_": "brats_seg.geometry.Box", "start": 1, "stop": 2}, r"model: .*"),
        ({"width": "two"}, r"model: own_training\.Net cannot be made of"),
        ({"depth": 2}, r"model: own_training\.Net .* unexpected keyword argument 'depth'"),
        ({"_recursive_": False}, r"model\._recursive_: expected _target_ and the arguments"),
        ({"levels": {"_target_": "os.system"}}, r"model: own_training\.Net: levels=.* without _target_"),
    ],
)
def test_one_line(config: Config, root: Path, tmp_path: Path, model: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongValue, match=said) as caught:
        refuse_impossible(with_model(config(root, tmp_path), **model))
    assert "\n" not in str(caught.value)


def test_a_missing_argument_is_one_line(config: Config, root: Path, tmp_path: Path) -> None:
    asked = with_model(config(root, tmp_path))
    with open_dict(asked):
        del asked.model["width"]
    with pytest.raises(WrongValue, match=r"model: own_training\.Net .* missing 1 .*: 'width'"):
        refuse_impossible(asked)


def test_a_part_that_needs_an_own_feature_says_so(config: Config, root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"checkpointing=true: own_training\.Net has no attribute"):
        train(with_model(config(root, tmp_path, "checkpointing=true")))


DATA = ("experiment=pipeline_b", "data._target_=own_training.Data", "+data.most=400.0", "+data.brighter=0.1")


def test_data_of_ones_own_bring_normalisation_and_augmentation(
    config: Config, root: Path, tmp_path: Path
) -> None:
    folder = train(with_model(config(root, tmp_path, *DATA, "keep=last"))).folder
    bundle = load_bundle(folder.bundle, "own_training")
    assert bundle.record["normalisation"] == {"name": "own_training.Cut", "most": 400.0}
    assert bundle.normalisation.settings() == bundle.record["normalisation"]
    assert "BatchNorm3d" in repr(bundle.net())
    versions = bundle.record["provenance"]["versions"]
    assert versions["own_training"] == "not installed, a folder on the path"
    untrusted = load_bundle(folder.bundle)
    for use in (lambda: untrusted.normalisation, untrusted.net, untrusted.refuse_untrusted):
        with pytest.raises(UserError, match=r"bundle\.json: needs own_training\..* trust=\[own_training\]"):
            use()


def test_a_normalisation_that_a_bundle_cannot_keep_is_refused(
    config: Config, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="could not keep the normalisation: unknown normalisation"):
        train(with_model(config(root, tmp_path, *DATA, "+data.nameless=true")))
    assert not list(tmp_path.glob("pipeline*"))
