"""The tables beside the label maps: every finished case, whatever else lies there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from brats_seg import nifti
from brats_seg.artifacts.prediction_tables import write_tables


def write(folder: Path, case_id: str, record: object) -> None:
    nifti.write(folder / f"{case_id}.nii.gz", np.zeros((2, 3, 4), np.uint8), nifti.lps_geometry((2, 3, 4)))
    (folder / f"{case_id}.json").write_text(json.dumps(record))


def test_every_finished_case_is_in_the_table(tmp_path: Path) -> None:
    volumes = {"ET": 1.0, "TC": 1.5, "WT": 4.0}
    labels = {"convention": "brats2023"}
    alike = {"ET": 0.5, "TC": 0.25, "WT": 1.0}
    write(tmp_path, "b", {"volumes_ml": volumes, "labels": labels, "warnings": ["x", "y,z"]})
    write(tmp_path, "a", {"volumes_ml": volumes, "labels": labels, "agreement_of_a_and_b": alike})
    write(tmp_path, "half", {"schema": 1})
    write(tmp_path, "odd", {"volumes_ml": {"ET": "much", "WT": float("nan"), "TC": 10**400}, "labels": 3})
    (tmp_path / "gone.json").write_text(json.dumps({"volumes_ml": volumes}))
    (tmp_path / "mine.json").write_text("[")
    write_tables(tmp_path)
    lines = (tmp_path / "volumes.csv").read_text().splitlines()
    assert lines[1:] == [
        "a,1.0,1.5,4.0,0.5,2.5,0.5,0.25,1.0,",
        'b,1.0,1.5,4.0,0.5,2.5,,,,"x; y,z"',
        "odd,,,,,,,,,",
    ]
    names = {path.name for path in tmp_path.glob("labels_*")}
    assert names == {"labels_brats2023.txt", "labels_brats2023.ctbl"}


def test_nothing_is_written_where_nothing_is_finished(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    write_tables(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]
