"""A bundle that needs code of another package is opened only where that is trusted, by every way in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from brats_seg import Segmenter
from brats_seg.artifacts import load_bundle, open_bundles, save_bundle, write_ensemble
from brats_seg.artifacts.bundles import RECORD, WEIGHTS
from brats_seg.errors import UserError
from brats_seg.models import OwnNetwork
from brats_seg.preprocessing import ZScore
from brats_seg.training.average import average_snapshots
from brats_seg.training.weights import write_weights

SOURCE = """
import pathlib
import torch
from torch import nn

pathlib.Path(__file__).with_name("imported").touch()

class Net(nn.Module):
    def __init__(self, steps: list):
        super().__init__()
        self.first, self.last = nn.Conv3d(4, 4, 1), nn.Conv3d(4, 3, 1)
        self.tied = nn.Conv3d(4, 4, 1)
        self.tied.weight = self.first.weight
        self.norm = nn.BatchNorm3d(4)
        self.register_buffer("steps", torch.tensor(steps))
    def forward(self, image):
        return self.last(self.norm(self.first(image) + self.tied(image)))
"""
FACTS = {"pipeline": "b", "normalisation": ZScore().settings()}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, OwnNetwork]]:
    """A bundle and its network; the module is forgotten, as in a process that opens a bundle it was given."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "own_bundled.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path / "package")
    torch.manual_seed(0)
    net = OwnNetwork("own_bundled.Net", {"steps": [1, 2]}, ["own_bundled"])
    save_bundle(tmp_path / "bundle", net, provenance={}, scores={}, **FACTS)
    facts = {**FACTS, "architecture": net.settings()}
    for epoch in (1, 2):
        write_weights(tmp_path / f"{epoch}.safetensors", net, facts)
    forget(tmp_path)
    yield tmp_path, net.eval()
    sys.modules.pop("own_bundled", None)


def forget(folder: Path) -> None:
    sys.modules.pop("own_bundled", None)
    (folder / "package" / "imported").unlink(missing_ok=True)


def ways(folder: Path) -> dict[str, Callable[..., object]]:
    bundle = folder / "bundle"
    write_ensemble(folder / "ensemble.yaml", {"b": [load_bundle(bundle)]})
    opened = {"b": [load_bundle(bundle)]}
    return {
        "net": lambda **how: load_bundle(bundle, **how).net(),
        "bundles": lambda **how: open_bundles(b=bundle, **how),
        "ensemble": lambda **how: open_bundles(ensemble=folder / "ensemble.yaml", **how),
        "from_bundles": lambda **how: Segmenter.from_bundles(b=bundle, device="cpu", **how),
        "from_ensemble": lambda **how: Segmenter.from_ensemble(folder / "ensemble.yaml", device="cpu", **how),
        "Segmenter": lambda **how: Segmenter(opened, device="cpu", **how),  # type: ignore[arg-type]
        "average": lambda **how: average_snapshots([str(folder / "1.safetensors")], folder / "mean", **how),
    }


@pytest.mark.parametrize(
    "way", ["net", "bundles", "ensemble", "from_bundles", "from_ensemble", "Segmenter", "average"]
)
def test_refused_and_not_imported_unless_trusted(made: tuple[Path, OwnNetwork], way: str) -> None:
    folder, _ = made
    use = ways(folder)[way]
    for trust in ((), "other", ["other", "own_bundle"]):
        with pytest.raises(UserError, match=r"needs own_bundled\.Net, .* trust=\[own_bundled\]") as caught:
            use(trust=trust)
        assert "\n" not in str(caught.value)
    assert not (folder / "package" / "imported").exists()
    assert "own_bundled" not in sys.modules
    use(trust="own_bundled")
    use(trust=["other", "own_bundled"])


def test_the_net_comes_back(made: tuple[Path, OwnNetwork]) -> None:
    folder, net = made
    image = torch.randn(1, 4, 8, 16, 8)
    with torch.no_grad():
        for bundle in (folder / "bundle", average_snapshots([str(folder)], folder / "mean", "own_bundled")):
            again = load_bundle(bundle, ["own_bundled"]).net()
            assert torch.equal(again(image).main, net(image).main)
            assert again.settings() == net.settings()


def test_what_a_bundle_says_of_itself_needs_no_trust(made: tuple[Path, OwnNetwork]) -> None:
    bundle = load_bundle(made[0] / "bundle")
    assert bundle.architecture == {"name": "own_bundled.Net", "arguments": {"steps": [1, 2]}}
    assert not (made[0] / "package" / "imported").exists()


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ({"name": "own_bundled.torch.nn.Conv3d", "arguments": {}}, "there is no own_bundled.torch"),
        ({"name": "own_bundled.pathlib.Path", "arguments": {}}, "there is no own_bundled.pathlib"),
        ({"name": "own_bundled.Gone", "arguments": {}}, "there is no own_bundled.Gone"),
        ({"name": "own_bundled.Net", "arguments": {"steps": [1, 2, 3]}}, "do not fit the architecture"),
        ({"name": "own_bundled.Net", "arguments": {}}, "missing 1 required"),
    ],
)
def test_trust_is_no_free_pass(made: tuple[Path, OwnNetwork], architecture: Any, said: str) -> None:
    file = made[0] / "bundle" / RECORD
    file.write_text(json.dumps({**json.loads(file.read_text()), "architecture": architecture}))
    with pytest.raises(UserError, match=said) as caught:
        load_bundle(made[0] / "bundle", ["own_bundled"]).net()
    assert "\n" not in str(caught.value)
    assert str(made[0] / "bundle") in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [{"steps": {"_target_": "os.system"}}, {"_target_": "os.system"}, {"steps": [[{"_args_": 1}]]}, ["x"]],
)
def test_a_target_inside_is_refused_at_once(made: tuple[Path, OwnNetwork], arguments: Any) -> None:
    file = made[0] / "bundle" / RECORD
    architecture = {"name": "own_bundled.Net", "arguments": arguments}
    file.write_text(json.dumps({**json.loads(file.read_text()), "architecture": architecture}))
    with pytest.raises(UserError, match=r"without _target_|its name and arguments"):
        load_bundle(made[0] / "bundle", ["own_bundled"])
    assert not (made[0] / "package" / "imported").exists()


def test_weights_of_another_file_are_refused(made: tuple[Path, OwnNetwork]) -> None:
    file = made[0] / "bundle" / WEIGHTS
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match="copy the bundle again"):
        load_bundle(made[0] / "bundle", "own_bundled").net()
