"""One page per patient: what stands on it, and that it is one page with the same bytes each time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from matplotlib.table import Cell
from matplotlib.text import Text

from brats_seg.errors import UserError
from brats_seg.report import write_case_summary
from brats_seg.report.material import read_material
from brats_seg.report.recorded_pages import recorded_pages
from brats_seg.report.summary_page import draw_summary
from tests.report.test_sources import CASE, inputs_of

PROVENANCE = {"a": [{"card": "x", "experiment": "e", "training_cases": 9, "synthetic_cases": 9}]}


@pytest.fixture
def predictions(cohort: Path, tmp_path: Path) -> Path:
    shutil.copytree(cohort / "predictions", tmp_path / "predictions")
    record = {
        "labels": {"convention": "brats2020"},
        "inputs": inputs_of(cohort / "cases"),
        "provenance": PROVENANCE,
        "warnings": ["$x_1$ is only text"],
    }
    (tmp_path / "predictions" / f"{CASE}.json").write_text(json.dumps(record))
    return tmp_path / "predictions"


def test_one_page_and_a_table(predictions: Path, tmp_path: Path) -> None:
    path = write_case_summary(predictions, CASE)
    assert path == predictions / "summaries" / f"{CASE}.pdf"
    first = path.read_bytes()
    assert first.startswith(b"%PDF") and first.count(b"/Type /Page ") == 1
    assert write_case_summary(predictions, CASE, tmp_path / "other").read_bytes() == first
    lines = path.with_suffix(".csv").read_text().splitlines()
    assert lines[0] == "case,map,region,quantity,value" and f"{CASE},A against B,WT,dice,1.0000" in lines
    assert [line for line in lines if line.startswith(f"{CASE},Merged,NCR/NET,volume_ml,")]
    with pytest.raises(UserError, match="expected a label map of case nobody, found none"):
        write_case_summary(predictions, "nobody")


def test_what_stands_on_it(predictions: Path) -> None:
    (files,) = [files for files in recorded_pages(predictions, None) if files.case.id == CASE]
    figure = draw_summary(read_material(files, predictions))
    texts = [text.get_text() for text in figure.findobj(Text)]
    texts += [cell.get_text().get_text() for cell in figure.findobj(Cell)]
    said = "\n".join(texts)
    for words in (
        CASE,
        "For research; not a medical device.",
        "Trained on synthetic data, of no use on patients",
        "Pipeline A, e, training cases: 9",
        "Warning: $x_1$ is only text",
        "Merged, ml",
        "Dice of A and B",
        "NCR/NET, necrosis and non-enhancing tumour",
    ):
        assert words in said
