"""Charts stay inside their frame, and show what can be drawn."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from brats_seg.report.charts import box_plot, line_chart


@pytest.mark.parametrize(
    "values",
    [[0.5], [0.0, 0.0], [0.2, 0.9, 1.0], [-3.0, 2.0], [1e-5, 2e-5], [373.0] * 9, [1.5, 374.0, 180.0]],
)
def test_charts_stay_inside_their_frame(values: list[float]) -> None:
    cases = [(f"<{i}>", value) for i, value in enumerate(values)]
    charts = [box_plot({"ET": cases, "WT": []}, label="x", digits=2)]
    charts += [
        line_chart({"a": list(enumerate(values))}, label="x", logarithmic=log) for log in (False, True)
    ]
    charts += [box_plot({"ET": cases}, label="x", digits=2, penalty=374.0)] if min(values) >= 0 else []
    for chart in charts:
        for element in ElementTree.fromstring(chart).iter():
            for name in ("cy", "y1", "y2"):
                assert 0 <= float(element.get(name, 0)) <= 240


def test_one_penalty_leaves_the_others_their_room() -> None:
    chart = ElementTree.fromstring(
        box_plot({"ET": [("a", 1.0), ("b", 5.0), ("c", 373.12866)]}, label="x", digits=2, penalty=373.12866)
    )
    low, middle, high = (float(dot.get("cy", 0)) for dot in chart.iter("circle"))
    assert high < middle < low - 20
    assert "373.1" in "".join(chart.itertext())


def test_curves_and_their_names_are_drawn_as_they_are() -> None:
    lines = {"train": [(0, 1.0), (5, 0.5), (10, 0.0)], "val": [(0, 1.0), (5, float("nan")), (10, 0.5)]}
    chart = ElementTree.fromstring(line_chart(lines, label="x"))
    curve = next(line for line in chart.iter("polyline") if line.get("points", "").count(",") == 3)
    # Even in the frame of 58 to 448, 12 to 200: epochs 0, 5, 10; losses 1, 1/2, 0.
    assert curve.get("points") == "58.0,12.0 253.0,106.0 448.0,200.0"
    texts = ["".join(text.itertext()) for text in chart.iter("text")]
    assert [text for text in texts if text[0] in "tv"] == ["train", "val (1 not finite)"]


def test_a_box_has_the_quartiles_and_whiskers_within_one_and_a_half_ranges() -> None:
    cases = [(str(value), float(value)) for value in (1, 2, 3, 4, 20)]
    chart = ElementTree.fromstring(box_plot({"ET": cases}, label="x", digits=2))
    median = next(line for line in chart.iter("line") if line.get("class") == "median")
    height = lambda value: 12 + 188 * (20 - value) / 20  # noqa: E731
    assert float(median.get("y1", 0)) == pytest.approx(height(3), abs=0.1)
    (path,) = chart.iter("path")
    ends = [float(number) for number in re.findall(r"(?:\s|V)([\d.]+)", path.get("d", ""))]
    assert ends[:4] == pytest.approx([height(1), height(2), height(4), height(4)], abs=0.1)
