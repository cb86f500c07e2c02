"""Means over cases in the form of the paper's Tables 3 and 4, with the number of cases behind each.

Covered by tests/evaluation/test_evaluation.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from brats_seg.artifacts.scores import Row, by_metric
from brats_seg.console import count
from brats_seg.evaluation import paper as published
from brats_seg.evaluation.measures import METRICS
from brats_seg.evaluation.paper import COLUMNS


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
    """Mean, standard deviation (n - 1), median and quartiles over cases, in the order of the tables."""
    found = by_metric(rows)
    summaries = []
    for metric in METRICS:
        if metric in found:
            for region in regions_of(rows):
                values = found[metric].get(region, {})
                summaries.append(_summary(metric, region, list(values.values())))
    return summaries


def to_markdown(
    summaries: Sequence[Summary], *, convention: str, paper: bool, notes: Sequence[str] = ()
) -> str:
    """The table of means as Markdown.

    Args:
        summaries: In the order of the table.
        convention: Name of the scoring convention.
        paper: Put the paper's results beside.
        notes: Lines that have to be known to read the table.

    Returns:
        Markdown.
    """
    columns = regions_of(summaries)
    lines = [_markdown_row(["Metric (mean)", *columns]), "|---" + "|--:" * len(columns) + "|"]
    for line in _lines(summaries, paper):
        title = f"*{line.title}*" if line.paper else line.title
        lines.append(_markdown_row([title, *line.cells]))
    lines += ["", caption(summaries, convention)]
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join([*lines, ""])


def to_terminal(summaries: Sequence[Summary], *, convention: str, paper: bool) -> Table:
    """The table of means for a terminal.

    Args:
        summaries: In the order of the table.
        convention: Name of the scoring convention.
        paper: Put the paper's results beside.

    Returns:
        A table of rich.
    """
    table = Table(title=caption(summaries, convention), title_justify="left", title_style="bold")
    table.add_column("Metric (mean)")
    for name in regions_of(summaries):
        table.add_column(name, justify="right")
    for line in _lines(summaries, paper):
        table.add_row(line.title, *line.cells, style="dim italic" if line.paper else "")
    return table


def caption(summaries: Sequence[Summary], convention: str) -> str:
    """The line under the table of means.

    Args:
        summaries: At least one.
        convention: Name of the scoring convention.

    Returns:
        How many cases there are, and the convention.
    """
    cases = max(summary.of for summary in summaries)
    return f"Mean over {count(cases, 'case')}, convention {convention}"


def regions_of(scores: Iterable[Row | Summary]) -> tuple[str, ...]:
    """The columns of a table: the regions of the paper, then those that a convention scores besides.

    >>> regions_of([Row("x", "RC", "dice", 1.0), Row("x", "ET", "dice", 1.0)])
    ('ET', 'WT', 'TC', 'RC')
    """
    return tuple(dict.fromkeys([*COLUMNS, *(score.region for score in scores)]))


def _summary(metric: str, region: str, every: Sequence[float | None]) -> Summary:
    values = [value for value in every if value is not None]
    if not values:
        return Summary(metric, region, None, None, None, None, None, 0, len(every))
    first, middle, third = map(float, np.percentile(values, (25, 50, 75)))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Summary(metric, region, float(np.mean(values)), sd, middle, first, third, len(values), len(every))


def _lines(summaries: Sequence[Summary], paper: bool) -> Iterator[Line]:
    found = {(summary.metric, summary.region): summary for summary in summaries}
    columns = regions_of(summaries)
    for metric in dict.fromkeys(summary.metric for summary in summaries):
        ours = [_shown(found[metric, region]) for region in columns]
        yield Line(METRICS[metric].title, tuple(ours))
        if paper:
            for name, means in published.MEANS.get(metric, {}).items():
                theirs = [f"{mean:.{METRICS[metric].digits}f}" for mean in means]
                others = [""] * (len(columns) - len(COLUMNS))
                yield Line(name, (*theirs, *others), paper=True)


def _shown(summary: Summary) -> str:
    if summary.mean is None:
        return f"undefined (0 of {summary.of})"
    few = "" if summary.cases == summary.of else f" ({summary.cases} of {summary.of})"
    return f"{summary.mean:.{METRICS[summary.metric].digits}f}{few}"


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
