"""What is exported answers as the bundle does, at sizes that it was not traced with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch

from brats_seg.artifacts.bundles import Bundle, load_bundle, save_bundle
from brats_seg.errors import UserError
from brats_seg.inference import export, export_file
from brats_seg.models import OwnNetwork, UNet
from brats_seg.preprocessing import MinMax, ZScore

REAL: Any = (144, 176, 144)
SMALL: Any = (16, 16, 16)


def bundle(folder: Path, pipeline: str, width: int, **options: bool) -> Bundle:
    torch.manual_seed(0)
    norm: Any = "group" if pipeline == "a" else "instance"
    net = UNet(
        width=width, norm=norm, dropout=0.1, **{"attention": False, "residual": False, **options}
    ).eval()
    torch.nn.init.normal_(net.main.weight)  # so that probabilities are not all one half
    normalise = MinMax(1, 99) if pipeline == "a" else ZScore()
    save_bundle(folder, net, pipeline=pipeline, normalisation=normalise.settings(), provenance={}, scores={})
    return load_bundle(folder)


def answer(path: Path, image: torch.Tensor) -> torch.Tensor:
    if path.suffix == ".pt2":
        return torch.export.load(path).module()(image)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"image": image.numpy()})[0])


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.slow  # tracing with open sizes takes ten seconds, however small the network
@pytest.mark.parametrize(
    ("pipeline", "options", "format", "suffix"),
    [
        ("a", {}, "torch_export", ".pt2"),
        ("a", {"attention": True, "residual": True}, "onnx", ".onnx"),
        ("b", {}, "onnx", ".onnx"),
    ],
)
def test_parity_on_a_real_size(
    tmp_path: Path, pipeline: str, options: dict[str, bool], format: str, suffix: str
) -> None:
    made, path = bundle(tmp_path / "bundle", pipeline, 8, **options), tmp_path / f"net{suffix}"
    assert export(made, path, format=format, parity_shape=REAL) <= 1e-4
    said = json.loads((tmp_path / f"net{suffix}.json").read_text())
    assert said["bundle"]["sha256"] == made.sha256
    assert said["normalisation"] == made.normalisation.settings()
    for shape in ((16, 16, 16), (24, 16, 40)):
        image = torch.randn(1, 4, *shape)
        with torch.no_grad():
            expected = made.net()(image, deep=False).main.sigmoid()
            torch.testing.assert_close(answer(path, image), expected, atol=1e-4, rtol=0)
        assert expected.std() > 0.1
    assert not list(tmp_path.glob(".tmp-*"))


def test_what_cannot_be_exported_is_refused_before_any_work(tmp_path: Path) -> None:
    made = bundle(tmp_path / "bundle", "a", 2)
    for format, name, shape, said in [
        ("tensorrt", "x.pt2", (16, 16, 16), "torch_export"),
        ("onnx", "x.pt2", (16, 16, 16), "onnx"),
        ("torch_export", "x.pt2", (16, 16, 17), "multiples of 8"),
        ("torch_export", "x.pt2", (16, 16, 8), "from 16 to 512"),
        ("torch_export", "x.pt2", (16,), "three multiples"),
        ("torch_export", "x.pt2", ("a", "b", "c"), "three multiples"),
    ]:
        with pytest.raises(UserError, match=said):
            export(made, tmp_path / name, format=format, parity_shape=shape)
    assert not list(tmp_path.glob("x*"))


def test_a_file_that_answers_otherwise_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(net: Any, path: Path) -> Any:
        path.write_bytes(b"traced badly")
        return lambda image: net(image).flip(2)

    monkeypatch.setattr("brats_seg.inference.export_file._torch_export", wrong)
    with pytest.raises(UserError, match="found a difference"):
        export(
            bundle(tmp_path / "bundle", "a", 2),
            tmp_path / "x.pt2",
            format="torch_export",
            parity_shape=(16, 16, 16),
        )
    assert not list(tmp_path.glob("*x.pt2*"))


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"onnxruntime: pip install 'brats-seg\[export\]'"):
        export(
            bundle(tmp_path / "bundle", "a", 2), tmp_path / "x.onnx", format="onnx", parity_shape=(16, 16, 16)
        )


SPLITTING = """
import torch
from torch import nn

class Splitting(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv3d(4, 3, 1), nn.Conv3d(4, 3, 1)
    def forward(self, image):
        return self.one(image) if float(image.mean()) > 0 else self.other(image)
"""


@pytest.mark.usefixtures("shapes_unchecked")
def test_a_network_of_ones_own_that_torch_cannot_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "splitting_nets.py").write_text(SPLITTING)
    monkeypatch.syspath_prepend(tmp_path)
    net = OwnNetwork("splitting_nets.Splitting", {}, ["splitting_nets"])
    settings = ZScore().settings()
    save_bundle(tmp_path / "bundle", net, pipeline="b", normalisation=settings, provenance={}, scores={})
    made = load_bundle(tmp_path / "bundle", ["splitting_nets"])
    said = r"^format=torch_export: torch cannot export splitting_nets\.Splitting \(.+\)$"
    with pytest.raises(UserError, match=said):
        export(made, tmp_path / "x.pt2", format="torch_export", parity_shape=(16, 16, 16))
    assert not list(tmp_path.glob("x*"))


def test_a_defect_of_ours_is_not_blamed_on_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(export_file, "_torch_export", fail)
    with pytest.raises(ZeroDivisionError):
        export(
            bundle(tmp_path / "bundle", "b", 2), tmp_path / "x.pt2", format="torch_export", parity_shape=SMALL
        )
    assert not list(tmp_path.glob("x*"))
