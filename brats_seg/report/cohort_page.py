"""What the page of the cohort shows. Covered by tests/report/test_report.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from brats_seg.artifacts.scores import ByMetric, Row, by_metric, defined_values
from brats_seg.evaluation.conventions import Convention
from brats_seg.evaluation.measures import METRICS
from brats_seg.evaluation.tables import Summary, regions_of, summarise
from brats_seg.report.charts import box_plot
from brats_seg.report.material import TRUTH
from brats_seg.report.volume_columns import Cell, cells_of, groups_of
from brats_seg.report.write_pages import ShownCase

TABLE = (
    "dice",
    "lesion_dice",
    "hd95",
    "lesion_hd95",
    "surface_dice",
    "lesion_f1",
    "sensitivity",
    "volume_difference",
)
"""Metrics in the table of the cases."""
BOXES = ("dice", "lesion_dice", "hd95", "lesion_hd95", "surface_dice", "lesion_f1")
"""Metrics with a box plot."""
WORST = 4
"""Cases whose pictures stand on the page, before the middle one and the best."""
Shown = Mapping[str, ShownCase]
"""Case id to what is shown of it."""


@dataclass(frozen=True)
class _Line:
    """One case in the table; ``mean`` is of the first metric, over the regions; ``page``: it has a page.

    ``more`` needs no truth: volumes, agreement of A and B.
    """

    id: str
    page: bool
    mean: float | None
    cells: list[tuple[str, str, float | None]]
    more: list[Cell]
    warnings: list[str]


def cohort_context(
    rows: Sequence[Row], shown: Shown, convention: Convention, *, notes: Sequence[str]
) -> dict[str, Any]:
    """The values of ``cohort.html``; cases ascend by the mean of the first ranked metric over the regions.

    Args:
        rows: Scores; every case of them has a line, with or without a page.
        shown: Cases that have a page, and what is shown of them.
        convention: Of the scores.
        notes: Lines that have to be known to read the scores.

    Returns:
        Name in the template to value.
    """
    values = by_metric(rows)
    table = _metrics_of_table(values, convention)
    ids = dict.fromkeys([*shown, *(row.case for row in rows)])
    cells = list(product(table, regions_of(rows)))
    groups = groups_of(shown)
    cases = []
    for case in ids:
        record = shown[case].record if case in shown else {}
        line = _line(case, values, cells)
        more, warnings = cells_of(groups, record), record.get("warnings", [])
        cases.append(replace(line, page=case in shown, more=more, warnings=warnings))
    cases.sort(key=lambda case: (case.mean is None, case.mean))
    boxes = []
    for metric in BOXES:
        if metric in values:
            svg = _box_plot(rows, frozenset(shown), metric, convention)
            boxes.append({"title": METRICS[metric].title, "svg": svg})
    return {
        "cases": cases,
        "pages": len(shown),
        "gallery": _gallery([case for case in cases if case.page], shown),
        "table": table,
        "groups": groups,
        "warned": any(case.warnings for case in cases),
        "columns": regions_of(rows),
        "metrics": METRICS,
        "boxes": boxes,
        "summary": _summaries(rows),
        "notes": notes,
    }


def _metrics_of_table(values: ByMetric, convention: Convention) -> list[str]:
    """Those that there are, the first ranked one in front."""
    present = filter(values.__contains__, TABLE)
    return sorted(present, key=lambda metric: metric != convention.ranked[0])


def _line(case: str, values: ByMetric, table: Sequence[tuple[str, str]]) -> _Line:
    """The scores of a case."""
    cells: list[tuple[str, str, float | None]] = []
    first: list[float] = []
    for metric, region in table:
        value = values[metric].get(region, {}).get(case)
        cells.append((metric, region, value))
        if metric == table[0][0] and value is not None:
            first.append(value)
    return _Line(case, False, sum(first) / len(first) if first else None, cells, [], [])


def _summaries(rows: Sequence[Row]) -> dict[str, dict[str, Summary]]:
    """Metric to region to its summary."""
    found: dict[str, dict[str, Summary]] = {}
    for summary in summarise(rows):
        found.setdefault(summary.metric, {})[summary.region] = summary
    return found


def _gallery(cases: Sequence[_Line], shown: Shown) -> list[dict[str, Any]]:
    """The worst, the middle one and the best, with their place among all."""
    count = len(cases)
    names = {count // 2: "middle", count - 1: "best", 0: "worst"}
    chosen = sorted({*range(min(WORST, count)), count // 2, count - 1})
    found = []
    for number in chosen:
        case = cases[number]
        place = names.get(number, f"{number + 1} of {count}")
        ends = _ends(shown[case.id].stills)
        found.append({"id": case.id, "mean": case.mean, "place": place, "stills": ends})
    return found


def _ends(stills: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The truth, where there is one, and the final label map, which is the last."""
    return [still for still in stills[:1] if still["title"] == TRUTH] + stills[-1:]


def _box_plot(rows: Sequence[Row], pages: frozenset[str], metric: str, convention: Convention) -> str:
    shown = METRICS[metric]
    groups = {region: list(defined_values(rows, metric, region).items()) for region in regions_of(rows)}
    label = f"{shown.title} per region, one dot per case"
    penalty = convention.worst(metric) if shown.kind == "distance" else None
    return box_plot(groups, label=label, digits=shown.digits, pages=pages, penalty=penalty)
