"""Predictions that few people make."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.cases import find_cases
from brats_seg.console import Estimate
from brats_seg.errors import FileError, UserError
from brats_seg.inference import record
from brats_seg.inference.module import PredictionModule
from brats_seg.inference.raw_images import _on_disk
from tests.inference.conftest import WriteCase


def test_an_image_of_several_volumes_is_no_sequence(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((4, 4, 4, 2), np.float32), np.eye(4))
    with pytest.raises(UserError, match="t1: expected one volume, found 2"):
        _on_disk(tmp_path, "t1", image, np.eye(4))


def test_a_case_that_cannot_be_read_is_not_finished(
    write_case: WriteCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = find_cases(write_case("p1"))
    folder = PredictionFolder(tmp_path / "predictions")
    folder.path.mkdir()
    (folder.path / "p1.nii.gz").touch()
    (folder.path / "p1.json").write_text('{"files": ["p1.nii.gz"]}')
    monkeypatch.setattr(record, "_asked", lambda *_: {})

    def refuse(path: Path) -> str:
        raise FileError(path, "a readable file", "none")

    monkeypatch.setattr(record, "file_sha256", refuse)
    settings: Any = None
    assert not record.is_finished(case, folder, {}, settings)


def test_a_terminal_shows_the_view(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    told: Any = SimpleNamespace(estimate=Estimate(), cases=0, trainer=SimpleNamespace(is_global_zero=True))
    for done in (1, 2):
        PredictionModule._show(told, "p1", done, 2)
    first, last, blank, end = capsys.readouterr().out.split("\r")[1:]
    assert first.startswith("view 1 of 2, ")
    assert last.startswith("view 2 of 2, ")
    assert blank.strip() == end == ""
