"""Predictions and reports that few people have."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.errors import CaseError, UserError
from brats_seg.pictures import _extent
from brats_seg.report import ReportSettings, growth_pictures, pages, write_report
from brats_seg.report.case_page import close_ups
from brats_seg.report.growth import _day
from brats_seg.report.growth_pictures import growth_stills
from brats_seg.report.material import read_material
from brats_seg.report.recorded_pages import recorded_pages
from brats_seg.report.summary_page import MOST_LINES, draw_summary

PLAIN = ReportSettings.default(title="x", viewer=False)


@pytest.fixture
def predictions(cohort: Path, tmp_path: Path) -> Path:
    shutil.copytree(cohort / "predictions", tmp_path / "predictions")
    return tmp_path / "predictions"


def texts(figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_no_close_up_without_a_tumour(predictions):
    for path in predictions.rglob("*.nii.gz"):
        volume = nifti.read(path)
        nifti.write(path, np.zeros_like(volume.array), volume.geometry)
    (files, *_) = recorded_pages(predictions, None)
    assert close_ups(read_material(files, predictions)) == []


def test_a_scored_case_that_is_not_among_the_references(cohort, tmp_path):
    (tmp_path / "some").mkdir()
    first, *_ = sorted(path for path in (cohort / "cases").iterdir() if path.is_dir())
    shutil.copytree(first, tmp_path / "some" / first.name)
    failures = write_report(
        cohort / "predictions",
        tmp_path / "some",
        tmp_path / "report",
        PLAIN,
        evaluation=cohort / "scores",
    )
    assert failures == []
    index = (tmp_path / "report" / "index.html").read_text()
    assert "BraTS20_Training_003: scored, but not among these references; no page" in index


def test_a_day_that_is_none():
    assert _day("patient_20209999") is None


def test_pictures_of_visits_that_cannot_be_read(monkeypatch, tmp_path):
    def refuse(files, predictions):
        raise CaseError("p1", expected="a label map", found="none")

    monkeypatch.setattr(growth_pictures, "read_material", refuse)
    visit = SimpleNamespace(files=None)
    told = growth_stills(tmp_path, SimpleNamespace(first=visit, later=visit))
    assert told == "case p1: expected a label map, found none"


def test_the_viewer_comes_with_its_licence(monkeypatch, tmp_path):
    (tmp_path / "viewer").mkdir()
    (tmp_path / "viewer" / pages.VIEWER).write_text("let x")
    (tmp_path / "viewer" / "LICENSE.niivue").write_text("BSD\n")
    monkeypatch.setattr(pages, "files", lambda package: tmp_path)
    assert pages.viewer_script() == "/*\nBSD\n*/\nlet x"


def test_label_values_that_are_not_known(predictions):
    with pytest.raises(UserError, match="unknown label values 'mine'"):
        list(recorded_pages(predictions, "mine"))


def test_a_folder_without_a_label_map(tmp_path):
    (tmp_path / "p1.json").write_text("{}")
    with pytest.raises(UserError, match=r"expected a label map per case, .* found none"):
        list(recorded_pages(tmp_path, None))


def test_values_that_no_convention_has(predictions):
    path = sorted(predictions.glob("*.nii.gz"))[0]
    volume = nifti.read(path)
    nifti.write(path, np.full_like(volume.array, 9), volume.geometry)
    path.with_name(path.name.replace(".nii.gz", ".json")).unlink()
    (files, *_) = recorded_pages(predictions, None)
    assert any("nothing tells the label values: shown as " in note for note in files.notes)


def test_no_case_can_be_shown(predictions, tmp_path):
    for path in predictions.glob("*.nii.gz"):
        path.write_bytes(b"no NIfTI")
    with pytest.raises(UserError, match="no case could be shown"):
        write_report(predictions, None, tmp_path / "report", PLAIN)
    assert not (tmp_path / "report" / "index.html").exists()


def test_one_page_says_what_it_does_not_know_and_where_the_rest_is(predictions):
    (files, *_) = recorded_pages(predictions, None)
    material = read_material(files, predictions)
    unknown = replace(material, record={})
    assert "No record lies beside the label map" in texts(draw_summary(unknown)).replace("\n", " ")
    warnings = [f"warning {number}" for number in range(MOST_LINES + 5)]
    shown = texts(draw_summary(replace(material, record={"warnings": warnings})))
    assert "... the JSON beside the label map has all" in shown
    assert f"warning {MOST_LINES + 4}" not in shown


def test_nothing_has_no_extent():
    assert _extent(np.zeros(4, bool)) == slice(None)
