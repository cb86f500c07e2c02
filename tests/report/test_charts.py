"""Charts stay inside their frame, and show what can be drawn."""

from __future__ import annotations

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
