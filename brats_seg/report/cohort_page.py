"""What the page of the cohort shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brats_seg.artifacts.evaluation_folder import Row
from brats_seg.evaluation.conventions import METRICS, Convention
from brats_seg.evaluation.tables import COLUMNS, summarise
from brats_seg.report.charts import box_plot

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
WORST = 4
"""Cases whose pictures stand on the page, before the middle one and the best."""
BOXES = ("dice", "lesion_dice", "hd95", "lesion_hd95", "surface_dice", "lesion_f1")


def context(
    rows: Sequence[Row],
    shown: Mapping[str, list[dict[str, Any]]],
    convention: Convention,
    *,
    notes: Sequence[str],
) -> dict[str, Any]:
    """The values of ``cohort.html``; the cases in ascending order of the mean of their first ranked metric over the regions.

    Args:
        rows: Scores; every case of them has a line, with or without a page.
        shown: Cases that have a page, and the pictures of their label maps.
        convention: Of the scores.
        notes: What has to be known to read them.
    """
    values = {(row.case, row.metric, row.region): row.value for row in rows}
    present = {row.metric for row in rows}
    first = convention.ranked[0]
    table = sorted((metric for metric in TABLE if metric in present), key=lambda metric: metric != first)
    ids = dict.fromkeys([*shown, *(row.case for row in rows)])
    cases = [
        {
            "id": case,
            "page": case in shown,
            "mean": _mean(values, case, table),
            "cells": _cells(values, case, table),
        }
        for case in ids
    ]
    cases.sort(key=lambda case: (case["mean"] is None, case["mean"]))
    summaries = summarise(rows) if rows else []
    pictured = [{**case, "stills": _ends(shown[str(case["id"])])} for case in cases if case["page"]]
    return {
        "cases": cases,
        "pages": len(shown),
        "gallery": _gallery(pictured),
        "table": table,
        "columns": COLUMNS,
        "metrics": METRICS,
        "boxes": [
            {"title": METRICS[m].title, "svg": _boxes(rows, shown, m, convention)}
            for m in BOXES
            if m in present
        ],
        "summary": {
            m: {s.region: s for s in summaries if s.metric == m}
            for m in dict.fromkeys(s.metric for s in summaries)
        },
        "notes": notes,
    }


def _gallery(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The worst, the middle one and the best, with their place among all."""
    count = len(cases)
    chosen = sorted({*range(min(WORST, count)), count // 2, count - 1}) if cases else []
    names = {count // 2: "middle", count - 1: "best", 0: "worst"}
    return [{**cases[i], "place": names.get(i, f"{i + 1} of {count}")} for i in chosen]


def _ends(stills: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first and the last: truth and the final label map."""
    return [stills[0], stills[-1]] if len(stills) > 1 else stills


def _mean(values: dict[tuple[str, str, str], float | None], case: str, table: Sequence[str]) -> float | None:
    first = [
        value for region in COLUMNS if table and (value := values.get((case, table[0], region))) is not None
    ]
    return sum(first) / len(first) if first else None


def _cells(
    values: dict[tuple[str, str, str], float | None], case: str, table: Sequence[str]
) -> list[tuple[str, str, float | None]]:
    return [(metric, region, values.get((case, metric, region))) for metric in table for region in COLUMNS]


def _boxes(rows: Sequence[Row], shown: Mapping[str, Any], metric: str, convention: Convention) -> str:
    found: dict[str, list[tuple[str, float]]] = {region: [] for region in COLUMNS}
    for row in rows:
        if row.metric == metric and row.value is not None:
            found[row.region].append((row.case, row.value))
    said = f"{METRICS[metric].title} per region, one dot per case"
    penalty = convention.worst(metric) if metric.endswith("hd95") else None
    return box_plot(found, label=said, digits=METRICS[metric].digits, pages=frozenset(shown), penalty=penalty)
