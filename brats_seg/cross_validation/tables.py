"""The tables of a cross-validation: grids of text, as Markdown or for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.table import Table

from brats_seg.cross_validation.selection import Ranked
from brats_seg.cross_validation.statistics import SHOWN, CrossValidated, Difference
from brats_seg.evaluation.conventions import METRICS
from brats_seg.evaluation.tables import COLUMNS

PAPER = {
    "plain": ((0.8077, 0.011), (0.9070, 0.006), (0.8705, 0.013)),
    "+ patient removal": ((0.8126, 0.019), (0.9043, 0.005), (0.8686, 0.012)),
    "+ attention": ((0.8144, 0.022), (0.9037, 0.008), (0.8701, 0.018)),
}
"""Table 2: mean and standard deviation over folds of Dice, in the order of :data:`COLUMNS`."""

Measured = TypeVar("Measured", CrossValidated, Difference)


@dataclass(frozen=True)
class Grid:
    """A table of text; the first ``names`` columns are words, the others numbers."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    names: int = 1

    def markdown(self) -> str:
        """As Markdown, under a heading."""
        rule = ["---"] * self.names + ["--:"] * (len(self.head) - self.names)
        return "\n".join(
            [
                f"## {self.title}",
                "",
                *(f"| {' | '.join(line)} |" for line in (self.head, rule, *self.lines)),
                "",
            ]
        )

    def terminal(self) -> Table:
        """For a terminal."""
        table = Table(title=self.title, title_justify="left", title_style="bold")
        table.pad_edge, table.collapse_padding = False, True  # so the heads are whole on 80 columns
        for number, name in enumerate(self.head):
            words = number < self.names
            table.add_column(name, justify="left" if words else "right", overflow="fold", no_wrap=not words)
        for line in self.lines:
            table.add_row(*line)
        return table


def summary_grids(found: Sequence[CrossValidated], *, paper: bool) -> list[Grid]:
    """The paper's Table 2, one per metric: an experiment per line, mean (standard deviation over folds)."""
    return [
        _summary_grid(metric, group, paper=paper and metric == "dice") for metric, group in _by_metric(found)
    ]


def differences_grids(found: Sequence[Difference], *, confidence: float) -> list[Grid]:
    """One per metric: a line per two experiments and region."""
    head = ["Difference", "Region", "Cases", "Mean", f"{confidence:.0%} interval", "p"]
    grids = []
    for metric, group in _by_metric(found):
        digits = METRICS[metric].digits
        lines = []
        for each in group:
            bounds = f"{each.low:+.{digits}f} to {each.high:+.{digits}f}"
            names = [f"{each.experiment} - {each.other}", each.region]
            lines.append([*names, str(each.cases), f"{each.mean:+.{digits}f}", bounds, f"{each.p:.3g}"])
        title = f"{METRICS[metric].title}: differences case by case (Wilcoxon's p, not corrected for {len(lines)} comparisons)"
        grids.append(Grid(title, head, lines, 2))
    return grids


def ranking_grid(found: Sequence[Ranked]) -> Grid:
    """A line per network."""
    head = ["Pipeline", "Fold", "Model", "Place", "Dice without TTA", "In the ensemble"]
    lines = [
        [
            r.pipeline.upper(),
            str(r.fold),
            r.experiment,
            str(r.place),
            f"{r.dice:.4f}",
            "yes" if r.kept else "no",
        ]
        for r in found
    ]
    return Grid("Models per fold, by the mean over its cases and regions", head, lines, 3)


def _summary_grid(metric: str, found: Sequence[CrossValidated], *, paper: bool) -> Grid:
    lines = []
    for name in dict.fromkeys(each.experiment for each in found):
        cells = {each.region: each for each in found if each.experiment == name}
        folds, cases = (
            max(counts) for counts in zip(*((each.folds, each.cases) for each in cells.values()), strict=True)
        )
        lines.append([name, str(folds), str(cases), *(_cell(cells.get(region)) for region in COLUMNS)])
    for name, numbers in PAPER.items() if paper else ():
        lines.append([f"paper, {name}", "5", "369", *(f"{mean:.4f} ({sd:.3f})" for mean, sd in numbers)])
    title = f"{METRICS[metric].title}: mean (standard deviation over folds) on the cases of the fold left out"
    return Grid(title, ["Experiment", "Folds", "Cases", *COLUMNS], lines)


def _by_metric(found: Sequence[Measured]) -> list[tuple[str, list[Measured]]]:
    return [
        (metric, group) for metric in SHOWN if (group := [each for each in found if each.metric == metric])
    ]


def _cell(each: CrossValidated | None) -> str:
    if each is None:
        return "undefined"
    digits = METRICS[each.metric].digits
    return (
        f"{each.mean:.{digits}f} ({'one fold' if each.sd is None else f'{each.sd:.{max(digits - 1, 2)}f}'})"
    )
