"""Two visits of one patient: table, file and pictures of what has grown."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from brats_seg.cases import Case
from brats_seg.errors import WrongValue
from brats_seg.report import ReportSettings, write_report
from brats_seg.report.growth import find_follow_ups
from brats_seg.report.write_pages import ShownCase

PLAIN = ReportSettings.default(title="x", viewer=False)


def write_visit(folder: Path, case_id: str, size: int, shape: tuple[int, int, int] = (20, 24, 22)) -> None:
    """A cube of enhancing tumour of so many voxels along each side, in oedema."""
    label_map = np.zeros(shape, np.uint8)
    label_map[4:14, 4:14, 4:14] = 2
    label_map[5 : 5 + size, 5 : 5 + size, 5 : 5 + size] = 4
    image = nib.Nifti1Image(label_map.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]))
    image.header.set_xyzt_units("mm", "sec")
    image.to_filename(folder / f"{case_id}.nii.gz")
    (folder / f"{case_id}.json").write_text(json.dumps({"labels": {"convention": "brats2020"}}))


def pages_of(*ids: str) -> tuple[Any, dict[str, ShownCase]]:
    pages = [SimpleNamespace(id=each, files=SimpleNamespace(case=Case(each, {}))) for each in ids]
    shown = {each: ShownCase([], {"volumes_ml": {"WT": number}}) for number, each in enumerate(ids)}
    return pages, shown


def test_table_file_and_pictures(tmp_path: Path) -> None:
    for case_id, size in (("BraTS-GLI-00001-000", 2), ("BraTS-GLI-00001-001", 4), ("BraTS-GLI-00002-000", 3)):
        write_visit(tmp_path, case_id, size)
    assert write_report(tmp_path, None, tmp_path / "report", PLAIN) == []
    lines = list(csv.DictReader((tmp_path / "report" / "growth.csv").read_text().splitlines()))
    assert {line["case"] for line in lines} == {"BraTS-GLI-00001-001"}
    (enhancing,) = [line for line in lines if line["region"] == "ET"]
    told = [enhancing[name] for name in ("first_ml", "ml", "change_ml", "change_percent", "days")]
    assert told == ["0.008", "0.064", "0.056", "700.0", ""]
    index = (tmp_path / "report" / "index.html").read_text()
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", index)
    assert titles[:3] == [
        "First visit, its own outlines",
        "Later visit, outlines of the first",
        "Later visit, its own outlines",
    ]
    assert "+700" in index


def test_one_visit_each_is_no_growth(tmp_path: Path) -> None:
    for case_id in ("BraTS-GLI-00001-000", "BraTS-GLI-00002-000"):
        write_visit(tmp_path, case_id, 2)
    write_report(tmp_path, None, tmp_path / "report", PLAIN)
    assert not (tmp_path / "report" / "growth.csv").exists()
    assert "Growth" not in (tmp_path / "report" / "index.html").read_text()


def test_another_grid_has_numbers_but_no_pictures(tmp_path: Path) -> None:
    write_visit(tmp_path, "BraTS-GLI-00001-000", 2)
    write_visit(tmp_path, "BraTS-GLI-00001-001", 4, (20, 24, 26))
    write_report(tmp_path, None, tmp_path / "report", PLAIN)
    index = (tmp_path / "report" / "index.html").read_text()
    assert "+700" in index and "do not lie on one grid" in index and "outlines of the first<" not in index


def test_visits_ascend_by_number_and_days_come_from_dates_in_ids() -> None:
    pages, shown = pages_of("A-20240110", "A-20231231", "B-2", "B-10")
    found = find_follow_ups(pages, shown, "{patient}-*")
    assert [(each.first.id, each.later.id, each.days) for each in found] == [
        ("A-20231231", "A-20240110", 10),
        ("B-2", "B-10", None),
    ]
    (change,) = found[1].changes
    assert (change.change_ml, change.change_percent) == (1, 50)


def test_nothing_before_has_no_per_cent_and_a_pattern_must_fit() -> None:
    pages, shown = pages_of("BraTS-GLI-00001-000", "BraTS-GLI-00001-001")
    (found,) = find_follow_ups(pages, shown, None)
    assert found.changes[0].change_percent is None
    assert found.days is None
    with pytest.raises(WrongValue, match=r"patterns\.patient"):
        find_follow_ups(pages, shown, "{patient}_ses-*")
