"""What `brats-seg doctor` finds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from brats_seg import __version__
from brats_seg.errors import UserError
from brats_seg.runtime.precision import default_precision
from brats_seg.workflows import doctor
from brats_seg.workflows.diagnosis import _installed


def test_versions_and_precision_are_the_ones_in_use(tmp_path: Path) -> None:
    diagnosis = doctor(tmp_path)
    assert diagnosis.versions["brats-seg"] == __version__
    assert torch.__version__.startswith(diagnosis.versions["torch"].split("+")[0])
    assert diagnosis.machine["precision"] == default_precision()


def test_disk_of_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert doctor(tmp_path / "not" / "yet").machine["disk"].endswith(str(tmp_path))


def test_key_makes_tracking_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert doctor(tmp_path).features["Weights & Biases online"] == "wandb login"
    monkeypatch.setenv("WANDB_API_KEY", "x")
    assert doctor(tmp_path).features["Weights & Biases online"] == "ready"


def test_card_that_torch_cannot_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("brats_seg.workflows.diagnosis.usable_device", _refuse)
    assert doctor(tmp_path).machine["device"] == "there is an NVIDIA card, but"


def _refuse(accelerator: str) -> str:
    raise UserError("there is an NVIDIA card, but")


def test_what_each_extra_is_for_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brats_seg.workflows.diagnosis.find_spec", lambda name: name == "onnx" or None)
    monkeypatch.setattr("brats_seg.workflows.diagnosis.viewer_script", lambda: None)
    features = doctor(tmp_path).features
    assert features["TensorBoard (logger=tensorboard)"] == 'pip install "brats-seg[tensorboard]"'
    assert features["ONNX (export format=onnx)"] == 'pip install "brats-seg[export]"'
    assert features["3-D viewer of reports"] == "make viewer"
    monkeypatch.setattr("brats_seg.workflows.diagnosis.find_spec", lambda name: True)
    assert doctor(tmp_path).features["ONNX (export format=onnx)"] == "ready"


def test_a_module_of_a_package_that_is_not_there_is_not_installed() -> None:
    assert not _installed("no_package.module")
