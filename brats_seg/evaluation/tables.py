"""Means over cases in the form of the paper's Tables 3 and 4; the number of cases behind each is always there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from brats_seg.artifacts.evaluation_folder import Row
from brats_seg.evaluation.conventions import METRICS

if TYPE_CHECKING:
    pass

COLUMNS = ("ET", "WT", "TC")
"""The paper's order."""
VALIDATION, TEST = "paper, validation", "paper, test"
PAPER: dict[str, dict[str, tuple[float, float, float]]] = {
    "dice_a": {VALIDATION: (0.80585, 0.89518, 0.85415)},
    "dice_b": {VALIDATION: (0.72738, 0.91123, 0.84921)},
    "dice": {VALIDATION: (0.80585, 0.91148, 0.85416), TEST: (0.78507, 0.88595, 0.84273)},
    "sensitivity": {VALIDATION: (0.81488, 0.91938, 0.84485), TEST: (0.81308, 0.91690, 0.85934)},
    "specificity": {VALIDATION: (0.99970, 0.99915, 0.99963), TEST: (0.99967, 0.99905, 0.99964)},
    "hd95": {VALIDATION: (20.55756, 4.30103, 5.69298), TEST: (20.36071, 6.66665, 19.54915)},
}
"""Tables 3 and 4, in the order of :data:`COLUMNS`."""


@dataclass(frozen=True)
class Summary:
    """One metric of one region over the cases where it is defined; ``cases`` counts them, ``of`` all."""

    metric: str
    region: str
    mean: float | None
    sd: float | None
    median: float | None
    quartile_1: float | None
    quartile_3: float | None
    cases: int
    of: int


@dataclass(frozen=True)
class Line:
    """One line of the table: a title and a cell per column; ``paper`` where the numbers are not ours."""

    title: str
    cells: tuple[str, ...]
    paper: bool = False


def summarise(rows: Sequence[Row]) -> list[Summary]:
    """Mean, standard deviation over cases (n - 1), median and quartiles, per metric and region, in the order of the tables."""
    values: dict[tuple[str, str], list[float | None]] = {}
    for row in rows:
        values.setdefault((row.metric, row.region), []).append(row.value)
    present = {metric for metric, _ in values}
    keys = [(metric, region) for metric in METRICS if metric in present for region in COLUMNS]
    return [_summary(metric, region, values[metric, region]) for metric, region in keys]


def to_markdown(
    summaries: Sequence[Summary], *, convention: str, paper: bool, notes: Sequence[str] = ()
) -> str:
    """The table as Markdown, and whatever has to be known to read it."""
    lines = [f"| {' | '.join(['Metric (mean)', *COLUMNS])} |", "|---" + "|--:" * len(COLUMNS) + "|"]
    lines += [
        f"| {' | '.join([f'*{line.title}*' if line.paper else line.title, *line.cells])} |"
        for line in _lines(summaries, paper)
    ]
    lines += ["", caption(summaries, convention)]
    lines += ["", *(f"- {note}" for note in notes)] if notes else []
    return "\n".join([*lines, ""])


def to_terminal(summaries: Sequence[Summary], *, convention: str, paper: bool) -> Table:
    """The table for a terminal."""
    table = Table(title=caption(summaries, convention), title_justify="left", title_style="bold")
    table.add_column("Metric (mean)")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for line in _lines(summaries, paper):
        table.add_row(line.title, *line.cells, style="dim italic" if line.paper else "")
    return table


def caption(summaries: Sequence[Summary], convention: str) -> str:
    """How many cases, and whose definitions."""
    cases = max(summary.of for summary in summaries)
    return f"Mean over {cases} case{'' if cases == 1 else 's'}, convention {convention}"


def _summary(metric: str, region: str, every: Sequence[float | None]) -> Summary:
    values = [value for value in every if value is not None]
    if not values:
        return Summary(metric, region, None, None, None, None, None, 0, len(every))
    first, middle, third = map(float, np.percentile(values, (25, 50, 75)))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Summary(metric, region, float(np.mean(values)), sd, middle, first, third, len(values), len(every))


def _lines(summaries: Sequence[Summary], paper: bool) -> Iterator[Line]:
    cells = {(summary.metric, summary.region): summary for summary in summaries}
    for metric in dict.fromkeys(summary.metric for summary in summaries):
        yield Line(METRICS[metric].title, tuple(_shown(cells[metric, region]) for region in COLUMNS))
        for name, numbers in PAPER.get(metric, {}).items() if paper else ():
            yield Line(name, tuple(f"{number:.{METRICS[metric].digits}f}" for number in numbers), paper=True)


def _shown(summary: Summary) -> str:
    if summary.mean is None:
        return f"undefined (0 of {summary.of})"
    few = "" if summary.cases == summary.of else f" ({summary.cases} of {summary.of})"
    return f"{summary.mean:.{METRICS[summary.metric].digits}f}{few}"
