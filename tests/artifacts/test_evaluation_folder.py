"""An evaluation folder is read as it was written, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from brats_seg.artifacts.evaluation_folder import EvaluationFolder
from brats_seg.artifacts.scores import Row, as_written, by_metric, defined_values
from brats_seg.errors import UserError

ROWS = [
    Row("x", "ET", "dice", 1 / 3),
    Row("x", "ET", "hd95", None),
    Row("y", "ET", "dice", None),
    Row("y", "TC", "dice", 0.5),
]


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    folder = EvaluationFolder(tmp_path)
    with folder.written("brats2020"):
        folder.write_tables(ROWS, ROWS, "table")
    assert folder.read_rows() == as_written(ROWS)
    assert folder.read_rows()[0].value == 0.33333333
    assert folder.read_convention(None) == "brats2020"


def test_rows_are_looked_up() -> None:
    assert by_metric(ROWS)["dice"] == {"ET": {"x": 1 / 3, "y": None}, "TC": {"y": 0.5}}
    assert defined_values(ROWS, "dice", "ET") == {"x": 1 / 3}
    assert defined_values(ROWS, "hd95", "ET") == {}


def test_another_table_is_one_line(tmp_path: Path) -> None:
    folder = EvaluationFolder(tmp_path)
    with pytest.raises(UserError, match=r"per_case\.csv: expected a file, found none"):
        folder.read_rows()
    head = "case,region,metric,value\n"
    for table in ("id,dice\nx,1\n", f"{head}x,ET\n", f"{head}x,ET,dice,1,2\n"):
        folder.per_case.write_text(table)
        with pytest.raises(UserError, match="expected columns case, region, metric, value"):
            folder.read_rows()


def test_a_score_that_is_there_twice_is_one_line(tmp_path: Path) -> None:
    folder = EvaluationFolder(tmp_path)
    with folder.written("brats2020"):
        folder.write_tables([*ROWS, ROWS[0]], ROWS, "table")
    with pytest.raises(UserError, match="line 6 is the dice of ET of x, as line 2"):
        folder.read_rows()
