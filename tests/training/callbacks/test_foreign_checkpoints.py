"""A checkpoint of something else, damaged weights and changed voxels are one line; no code in a file runs."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from brats_seg.artifacts import run_folder
from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.errors import FileError, UserError
from brats_seg.training import train
from brats_seg.training.weights import read_weights

Config = Any


class Runs:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def write_checkpoint(path: Path, value: Any) -> None:
    """As a training does, with the right SHA-256 behind it."""
    data = io.BytesIO()
    torch.save(value, data)
    path.parent.mkdir(parents=True)
    path.write_bytes(data.getvalue() + hashlib.sha256(data.getvalue()).digest())


@pytest.mark.parametrize("kind", ["code", "a list", "nothing in it", "another network"])
def test_a_checkpoint_of_something_else(
    root: Path, config: Config, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "refuse_foreign_files", lambda folder: None)  # as if it had begun
    asked = config(root, tmp_path / "runs", "name=x", "out_of_fold.predict=false")
    checkpoint = {
        "code": {"epoch": 0, "x": Runs(tmp_path / "ran")},
        "a list": [1],
        "nothing in it": {},
        "another network": {"epoch": 0, "global_step": 1, "state_dict": {"x": torch.zeros(1)}},
    }[kind]
    folder = RunFolder.of(asked)
    write_checkpoint(folder.checkpoints / "last.ckpt", checkpoint)
    with pytest.raises(UserError, match=r"last\.ckpt is no checkpoint of this training") as caught:
        train(asked)
    assert "weights_only" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_what_changed_meanwhile_is_noticed(root: Path, config: Config, tmp_path: Path) -> None:
    shutil.copytree(root / "cohort", tmp_path / "cohort")
    once = ("schedule.constant_epochs=1", "schedule.cosine_epochs=0", "swa.cycles=1", "swa.cycle_epochs=1")
    asked = config(tmp_path, tmp_path / "runs", "name=x", *once, "swa.snapshot_every=1")
    folder = train(asked).folder
    bundle = (folder.bundle / "bundle.json").read_bytes()
    assert b"seconds" not in bundle, "a killed and an unkilled training have the same"
    assert json.loads((folder.path / "status.json").read_text())["seconds_this_start"] >= 0

    (snapshot,) = folder.snapshots.iterdir()
    good = snapshot.read_bytes()
    snapshot.write_bytes(good[:-10] + bytes([good[-10] ^ 0x40]) + good[-9:])
    with pytest.raises(FileError, match="found damaged ones"):
        read_weights(snapshot)
    snapshot.write_bytes(good)

    shutil.rmtree(folder.bundle)
    folder.write_status("running")
    (image,) = (tmp_path / "cache").rglob("BraTS20_Training_001/image.npy")
    array = np.load(image)
    np.save(image, array * 2)  # of the same size
    assert (train(asked).folder.bundle / "bundle.json").read_bytes() == bundle, "it was prepared again"

    shutil.rmtree(folder.bundle)
    folder.write_status("running")
    path = tmp_path / "cohort" / "BraTS20_Training_001" / "BraTS20_Training_001_t1.nii.gz"
    volume = nib.load(path)
    voxels = np.asarray(volume.dataobj)
    changed = voxels * np.linspace(1, 2, voxels.size).reshape(voxels.shape)
    nib.save(nib.Nifti1Image(changed, None, volume.header), path)
    with pytest.raises(UserError, match="case BraTS20_Training_001: its voxels have changed"):
        train(asked)
