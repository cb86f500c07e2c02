"""A report of predictions alone: of `predict`, of `merge`, of maps without a JSON, in the scanner's space."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.artifacts.recorded_images import recorded_images
from brats_seg.cases import find_cases, read_case
from brats_seg.cli.commands.report import main
from brats_seg.inference import merge_folders
from brats_seg.report import ReportSettings, write_report

PLAIN = ReportSettings.default(title="x", viewer=False)
CASE = "BraTS20_Training_001"


def inputs_of(cases: Path, case_id: str = CASE) -> dict[str, Any]:
    """What `predict` records of the images of a case."""
    (case,) = [case for case in find_cases(cases) if case.id == case_id]
    hashes = read_case(case).sha256
    found = {}
    for name, file in case.modalities.items():
        found[name] = {"path": str(file.path), "sha256": hashes[name], "channel": 0}
    return found


@pytest.fixture
def alone(cohort: Path, tmp_path: Path) -> Path:
    """One case of the cohort, whose JSON says where its images are."""
    folder = tmp_path / "predictions"
    for part in (".", "a", "b"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        shutil.copy(cohort / "predictions" / part / f"{CASE}.nii.gz", folder / part)
        record = {"labels": {"convention": "brats2020"}, "inputs": inputs_of(cohort / "cases")}
        (folder / part / f"{CASE}.json").write_text(json.dumps(record))
    return folder


def page(output: Path) -> str:
    return (output / "cases" / f"{CASE}.html").read_text()


def test_the_json_tells_where_the_images_are(alone: Path, tmp_path: Path) -> None:
    assert write_report(alone, None, tmp_path / "out", PLAIN) == []
    assert 'alt="FLAIR"' in page(tmp_path / "out") and "Warnings" not in page(tmp_path / "out")
    index = (tmp_path / "out" / "index.html").read_text()
    assert index.count('data-metric="volumes_ml"') == 1 + 2 * 5  # heading, names, values
    assert 'aria-label="Dice of A and B, WT"' in index
    header, line = (tmp_path / "out" / "volumes.csv").read_text().splitlines()
    assert header.startswith("case,ET_ml,TC_ml,WT_ml,NCR/NET_ml,ED_ml,dice_a_b_ET")
    numbers = [float(cell) for cell in line.split(",")[1:9]]
    assert numbers[2] == pytest.approx(numbers[1] + numbers[4]) and numbers[5:] == [1, 1, 1]


def test_the_command_needs_the_predictions_alone(alone: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd[red] ${a}=1"
    alone.rename(odd)
    main([f"predictions={odd}", "viewer=false", "pdf=true", "workers=1"])
    assert {path.name for path in (odd / "report").iterdir()} == {
        "cases",
        "index.html",
        "summaries",
        "volumes.csv",
    }


def test_what_merge_wrote_is_shown_with_both_maps(alone: Path, tmp_path: Path) -> None:
    merge_folders(alone / "a", alone / "b", tmp_path / "merged")
    assert write_report(tmp_path / "merged", None, tmp_path / "out", PLAIN) == []
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", page(tmp_path / "out"))
    assert {"T1ce", "A", "B", "Merged"} <= set(titles)


def test_images_that_have_been_changed_or_moved_are_named(alone: Path, cohort: Path, tmp_path: Path) -> None:
    file = alone / f"{CASE}.json"
    record = json.loads(file.read_text())
    record["inputs"]["t2"]["sha256"] = "0" * 64
    record["inputs"]["flair"]["path"] = str(tmp_path / "gone.nii.gz")
    file.write_text(json.dumps(record))
    assert write_report(alone, None, tmp_path / "out", PLAIN) == []
    text = page(tmp_path / "out")
    assert "has been changed since it was segmented" in text
    assert "gone.nii.gz is not there any more" in text and 'alt="FLAIR"' not in text


@pytest.mark.parametrize(("values", "name"), [((1, 2, 4), "brats2020"), ((1, 2, 3), "brats2023")])
def test_maps_without_a_json_are_shown_without_images(
    tmp_path: Path, values: tuple[int, ...], name: str
) -> None:
    array = np.zeros((20, 24, 22), np.uint8)
    array[8:12, 8:14, 8:11] = np.array(values)
    nifti.write(tmp_path / "maps" / "p1.nii.gz", array, nifti.lps_geometry((20, 24, 22)))
    assert write_report(tmp_path / "maps", None, tmp_path / "out", PLAIN) == []
    text = (tmp_path / "out" / "cases" / "p1.html").read_text()
    assert f"nothing tells the label values: shown as {name}" in text
    assert "the images are not known; references=DIR shows them" in text
    assert 'alt="T1"' not in text and "Prediction</figcaption>" in text


def test_the_scanners_space_is_shown_where_it_is_known(alone: Path, cohort: Path, tmp_path: Path) -> None:
    thick = nifti.read(alone / f"{CASE}.nii.gz").array[::4]
    affine = np.diag([-1.0, -1.0, 4.0, 1.0])
    geometry = nifti.Geometry(nifti.lps_geometry(thick.shape).header.copy(), affine)
    geometry.header.set_sform(affine, 1)
    geometry.header.set_qform(affine, 1)
    nifti.write(alone / "native" / f"{CASE}.nii.gz", thick, geometry)
    assert write_report(alone, None, tmp_path / "out", PLAIN) == []
    text = page(tmp_path / "out")
    assert "<h2>In the scanner&#39;s space</h2>" in text or "<h2>In the scanner's space</h2>" in text
    row = re.search(r"Scanner&#39;s space</th><td class=\"n\">([\d.]+)<", text)
    assert row is not None
    bright = np.arange(thick.size, dtype=np.float32).reshape(thick.shape)
    nifti.write(tmp_path / "t1ce.nii.gz", bright, geometry)
    told = {"inputs": {"t1ce": {"path": str(tmp_path / "t1ce.nii.gz"), "sha256": "", "channel": 0}}}
    (alone / "native" / f"{CASE}.json").write_text(json.dumps(told))
    assert write_report(alone, None, tmp_path / "out", PLAIN) == []
    assert page(tmp_path / "out") != text


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"inputs": [1]},
        {"inputs": {"t1": 7, "t2": {"path": 3}, "flair": {"path": "a\0b"}}},
        {"merged_from": {"a": [], "b": {"inputs": {"t1": {"path": "/", "channel": "x"}}}}},
    ],
)
def test_a_json_of_any_form_names_no_image(record: dict[str, Any]) -> None:
    assert recorded_images("x", record).case.modalities == {}
