"""Means over cases in the form of the paper's Tables 3 and 4; the number of cases behind each is always there."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median, stdev

from rich.table import Table

from brats_seg.evaluation.cohort import METRICS, Row
from brats_seg.terms import REGIONS

TITLES = {"dice": "Dice", "sensitivity": "Sensitivity", "specificity": "Specificity", "hd95": "HD95 (mm)"}
PAPER_TEST = {
    "dice": {"ET": 0.78507, "WT": 0.88595, "TC": 0.84273},
    "sensitivity": {"ET": 0.81308, "WT": 0.91690, "TC": 0.85934},
    "specificity": {"ET": 0.99967, "WT": 0.99905, "TC": 0.99964},
    "hd95": {"ET": 20.36071, "WT": 6.66665, "TC": 19.54915},
}
"""Table 4."""
COLUMNS = ("ET", "WT", "TC")
"""The paper's order."""


@dataclass(frozen=True)
class Summary:
    """One mean; ``cases`` counts those where the metric is defined, ``of`` all."""

    metric: str
    region: str
    mean: float | None
    sd: float | None
    median: float | None
    cases: int
    of: int


def summarise(rows: Sequence[Row]) -> list[Summary]:
    """Mean, standard deviation over cases (n - 1) and median, per metric and region."""
    result = []
    for metric in METRICS:
        for region in REGIONS:
            every = [row.value for row in rows if row.metric == metric and row.region == region]
            values = [value for value in every if value is not None]
            sd = stdev(values) if len(values) > 1 else None
            result.append(
                Summary(
                    metric,
                    region,
                    fmean(values) if values else None,
                    sd,
                    median(values) if values else None,
                    len(values),
                    len(every),
                )
            )
    return result


def to_csv(records: Sequence[Row] | Sequence[Summary]) -> str:
    """Records as CSV text, an empty field where a value is undefined."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(asdict(records[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows([{k: f"{v:.6g}" if isinstance(v, float) else v for k, v in asdict(r).items()} for r in records])
    return text.getvalue()


def _cells(summaries: Sequence[Summary]) -> dict[tuple[str, str], Summary]:
    return {(s.metric, s.region): s for s in summaries}


def _shown(summary: Summary) -> str:
    if summary.mean is None:
        return f"undefined (0 of {summary.of})"
    digits = 2 if summary.metric == "hd95" else 4
    few = "" if summary.cases == summary.of else f" ({summary.cases} of {summary.of} cases)"
    return f"{summary.mean:.{digits}f}{few}"


def to_markdown(summaries: Sequence[Summary], *, paper: bool) -> str:
    """The table as Markdown, the paper's test results beside when asked."""
    cells = _cells(summaries)
    head = ["Metric (mean)", *COLUMNS, *([f"{c} (paper, test)" for c in COLUMNS] if paper else [])]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for metric in METRICS:
        beside = [f"{PAPER_TEST[metric][c]:.5f}" for c in COLUMNS] if paper else []
        lines.append(f"| {' | '.join([TITLES[metric], *(_shown(cells[metric, c]) for c in COLUMNS), *beside])} |")
    return "\n".join([*lines, "", f"Cases: {summaries[0].of}. Convention: brats2020.", ""])


def to_terminal(summaries: Sequence[Summary], *, paper: bool) -> Table:
    """The table for a terminal."""
    cells = _cells(summaries)
    table = Table(title=f"Mean over {summaries[0].of} cases", title_justify="left")
    for name in ["Metric", *COLUMNS, *([f"{c} paper" for c in COLUMNS] if paper else [])]:
        table.add_column(name, justify="left" if name == "Metric" else "right")
    for metric in METRICS:
        beside = [f"{PAPER_TEST[metric][c]:.4f}" for c in COLUMNS] if paper else []
        table.add_row(TITLES[metric], *(_shown(cells[metric, c]) for c in COLUMNS), *beside)
    return table
