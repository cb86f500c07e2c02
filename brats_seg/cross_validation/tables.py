"""The tables of a cross-validation.

Covered by tests/cross_validation/test_summary.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from brats_seg.artifacts.run_names import WHAT_DIFFERS
from brats_seg.cross_validation.selection import Ranked
from brats_seg.cross_validation.statistics import SHOWN, CrossValidated, Difference
from brats_seg.evaluation.measures import METRICS
from brats_seg.evaluation.paper import COLUMNS, FOLD_DICE
from brats_seg.grids import Grid

Measured = TypeVar("Measured", CrossValidated, Difference)
RANKING_HEAD = ("Pipeline", "Fold", "Model", WHAT_DIFFERS, "Place", "Dice without TTA", "In the ensemble")


def summary_grids(found: Sequence[CrossValidated], *, paper: bool) -> list[Grid]:
    """The paper's Table 2, one per metric: an experiment per line, mean (standard deviation over folds).

    Args:
        found: Of every experiment, metric and region.
        paper: Put the paper's results beside those of Dice.

    Returns:
        The tables.
    """
    grids = []
    for metric, group in _by_metric(found).items():
        lines = _experiment_lines(group)
        if paper and metric == "dice":
            lines += _paper_lines()
        title = (
            f"{METRICS[metric].title}: mean (standard deviation over folds) on the cases of the fold left out"
        )
        head = ["Experiment", WHAT_DIFFERS, "Folds", "Cases", *COLUMNS]
        grids.append(Grid(title, head, lines, 2).without_empty(WHAT_DIFFERS))
    return grids


def differences_grids(found: Sequence[Difference], *, confidence: float) -> list[Grid]:
    """One per metric: a line per two experiments and region.

    Args:
        found: Of every two experiments, metric and region.
        confidence: Of the intervals.

    Returns:
        The tables.
    """
    head = ["Difference", "Region", "Cases", "Mean", f"{confidence:.0%} interval", "p"]
    grids = []
    for metric, group in _by_metric(found).items():
        digits = METRICS[metric].digits
        lines = []
        for each in group:
            names = [f"{each.experiment} - {each.other}", each.region]
            bounds = f"{each.low:+.{digits}f} to {each.high:+.{digits}f}"
            lines.append([*names, str(each.cases), f"{each.mean:+.{digits}f}", bounds, f"{each.p:.3g}"])
        comparisons = f"Wilcoxon's p, not corrected for {len(lines)} comparisons"
        title = f"{METRICS[metric].title}: differences case by case ({comparisons})"
        grids.append(Grid(title, head, lines, 2))
    return grids


def ranking_grid(found: Sequence[Ranked]) -> Grid:
    """A line per network."""
    lines = []
    for each in found:
        names = [each.pipeline.upper(), str(each.fold), each.experiment, each.what_differs]
        lines.append([*names, str(each.place), f"{each.dice:.4f}", "yes" if each.kept else "no"])
    grid = Grid("Models per fold, by the mean over its cases and regions", RANKING_HEAD, lines, 4)
    return grid.without_empty(WHAT_DIFFERS)


def _experiment_lines(found: Iterable[CrossValidated]) -> list[list[str]]:
    experiments: dict[str, dict[str, CrossValidated]] = {}
    for each in found:
        experiments.setdefault(each.experiment, {})[each.region] = each
    lines = []
    for name, regions in experiments.items():
        folds = max(each.folds for each in regions.values())
        cases = max(each.cases for each in regions.values())
        cells = [_cell(regions.get(region)) for region in COLUMNS]
        differs = next(iter(regions.values())).what_differs
        lines.append([name, differs, str(folds), str(cases), *cells])
    return lines


def _paper_lines() -> list[list[str]]:
    lines = []
    for name, numbers in FOLD_DICE.items():
        cells = [f"{mean:.4f} ({sd:.3f})" for mean, sd in numbers]
        lines.append([f"paper, {name}", "", "5", "369", *cells])
    return lines


def _by_metric(found: Sequence[Measured]) -> dict[str, list[Measured]]:
    """In the order of the tables, those that there are."""
    groups: dict[str, list[Measured]] = {metric: [] for metric in SHOWN}
    for each in found:
        groups[each.metric].append(each)
    return {metric: group for metric, group in groups.items() if group}


def _cell(each: CrossValidated | None) -> str:
    if each is None:
        return "undefined"
    digits = METRICS[each.metric].digits
    sd = "one fold" if each.sd is None else f"{each.sd:.{max(digits - 1, 2)}f}"
    return f"{each.mean:.{digits}f} ({sd})"
