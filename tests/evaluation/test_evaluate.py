"""From label maps on disk to tables; every mismatch is one line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.errors import UserError
from brats_seg.evaluation.evaluate import evaluate
from brats_seg.files import write_json

SHAPE = (6, 7, 8)


def write_map(path: Path, label_map: np.ndarray) -> None:
    nifti.write(path, label_map.astype(np.uint8), nifti.lps_geometry(label_map.shape))  # type: ignore[arg-type]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Three cases: perfect, half, no enhancing tumour anywhere."""
    predictions, references = tmp_path / "predictions", tmp_path / "references"
    truth = np.zeros(SHAPE, int)
    truth[1:5, 1:5, 1:5], truth[2:4, 2:4, 2:4], truth[2, 2, 2] = 2, 1, 4
    half = truth.copy()
    half[3:] = 0
    calm = np.where(truth == 4, 1, truth)
    for name, ours, theirs in (("x1", truth, truth), ("x2", half, truth), ("x3", calm, calm)):
        write_map(predictions / f"{name}.nii.gz", ours)
        write_json(predictions / f"{name}.json", {"labels": {"convention": "brats2020"}})
        write_map(references / f"{name}.nii.gz", theirs)
    return predictions, references, tmp_path / "evaluation"


def test_tables(folders: tuple[Path, Path, Path]) -> None:
    predictions, references, output = folders
    summaries = {(s.metric, s.region): s for s in evaluate(predictions, references, output, reference_labels="brats2020")}
    assert summaries["dice", "ET"].mean == 1.0
    assert summaries["dice", "WT"].mean == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert (summaries["sensitivity", "ET"].cases, summaries["sensitivity", "ET"].of) == (2, 3)
    rows = list(csv.DictReader((output / "per_case.csv").open()))
    assert len(rows) == 3 * 3 * 4 and set(rows[0]) == {"case", "region", "metric", "value"}
    assert [r["value"] for r in rows if (r["case"], r["region"], r["metric"]) == ("x3", "ET", "sensitivity")] == [""]
    assert "(2 of 3 cases)" in (output / "summary.md").read_text()


def test_conventions_may_differ(folders: tuple[Path, Path, Path]) -> None:
    predictions, references, output = folders
    before = evaluate(predictions, references, output, reference_labels="brats2020")
    for path in references.glob("*.nii.gz"):
        label_map = nifti.read(path).array
        write_map(path, np.where(label_map == 4, 3, label_map))
    assert evaluate(predictions, references, output, reference_labels="brats2023") == before
    with pytest.raises(UserError, match="could not be scored"):
        evaluate(predictions, references, output, reference_labels="brats2020")


def test_missing_prediction(folders: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    predictions, references, output = folders
    (predictions / "x1.nii.gz").unlink()
    with pytest.raises(UserError, match="no prediction for x1"):
        evaluate(predictions, references, output, reference_labels="brats2020")
    skipped = evaluate(predictions, references, output, reference_labels="brats2020", missing="skip")
    assert skipped[0].of == 2 and "x1" in capsys.readouterr().out
    penalised = evaluate(predictions, references, output, reference_labels="brats2020", missing="penalise")
    assert penalised[0].of == 3 and penalised[0].mean == pytest.approx(2 / 3)


def test_other_shape_is_named_and_the_rest_scored(folders: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    predictions, references, output = folders
    write_map(predictions / "x2.nii.gz", np.zeros((6, 7, 9)))
    with pytest.raises(UserError, match="1 cases could not"):
        evaluate(predictions, references, output, reference_labels="brats2020")
    assert "case x2" in capsys.readouterr().out
    assert (output / "per_case.csv").exists()


def test_unknown_conventions_are_asked_for(folders: tuple[Path, Path, Path]) -> None:
    predictions, references, output = folders
    with pytest.raises(UserError, match=r"labels\.references"):
        evaluate(predictions, references, output)
    (predictions / "x1.json").unlink()
    with pytest.raises(UserError, match=r"labels\.predictions"):
        evaluate(predictions, references, output, reference_labels="brats2020")
