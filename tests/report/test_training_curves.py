"""Curves of runs, whatever their tables hold."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from brats_seg.errors import UserError
from brats_seg.report.training_curves import draw_curves


@pytest.mark.parametrize(
    "values", [["nan", "2", "1"], ["3", "inf", "1"], ["3", "nan", "nan"], ["nan", "nan", "nan"]]
)
def test_a_run_that_diverged_is_drawn_as_far_as_it_goes(tmp_path: Path, values: list[str]) -> None:
    (tmp_path / "metrics.csv").write_text(
        "epoch,lr,train/loss\n" + "".join(f"{i},0.1,{v}\n" for i, v in enumerate(values))
    )
    loss = next(chart["svg"] for chart in draw_curves(tmp_path) if chart["title"] == "Loss")
    lost = sum(not math.isfinite(float(value)) for value in values)
    assert f"training, all outputs ({lost} not finite)" in loss
    shapes = [
        element
        for element in ElementTree.fromstring(loss).iter()
        if element.get("points") or element.get("cy")
    ]
    assert not any(
        "nan" in str(value) or "inf" in str(value) for shape in shapes for value in shape.attrib.values()
    )
    assert len(shapes) == 1 + {("nan", "2", "1"): 1, ("3", "inf", "1"): 2, ("3", "nan", "nan"): 1}.get(
        tuple(values), 0
    )


@pytest.mark.parametrize("text", ["epoch,lr\n0,fast\n", "lr\n0.1\n", "epoch,lr\n0,0.1,7\n"])
def test_a_damaged_table_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(UserError, match="expected numbers per epoch"):
        draw_curves(tmp_path)
