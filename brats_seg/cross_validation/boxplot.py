"""Out-of-fold scores of experiments as one picture. Covered by tests/cross_validation/test_summary.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from brats_seg.artifacts.scores import defined_values
from brats_seg.cross_validation.experiments import Experiment
from brats_seg.evaluation.measures import METRICS
from brats_seg.evaluation.paper import COLUMNS
from brats_seg.figures import save_figure

BLUE, ORANGE = "#1f5fa8", "#d55e00"
TITLE = "Cases of the fold left out (dots, box: quartiles) and means of the folds (diamonds)"


def box_plot(experiments: Sequence[Experiment], metric: str = "dice") -> Figure:
    """A panel per region: a box and a dot per case for each experiment, a diamond for the mean of each fold.

    Args:
        experiments: In the order of the boxes.
        metric: Name of a metric.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(4.2 * len(COLUMNS), 1.7 + 0.62 * len(experiments)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(COLUMNS), sharex=True, sharey=True, squeeze=False)[0]
    for panel, region in zip(panels, COLUMNS, strict=True):
        for place, experiment in enumerate(experiments):
            _draw(panel, place, _values_per_fold(experiment, metric, region))
        panel.set(title=region, xlabel=METRICS[metric].title)
        panel.grid(axis="x", color="0.9")
        panel.set_axisbelow(True)
    panels[0].set_yticks(range(len(experiments)), [experiment.name for experiment in experiments])
    panels[0].invert_yaxis()  # the first one on top
    figure.suptitle(TITLE, fontsize=11)
    return figure


def save_box_plot(path: Path, experiments: Sequence[Experiment]) -> None:
    """Write :func:`box_plot` of Dice as PNG, whole or not at all.

    Args:
        path: Of the file.
        experiments: In the order of the boxes.

    Raises:
        UserError: The file cannot be written.
    """
    save_figure(path, box_plot(experiments), dpi=120)


def _values_per_fold(experiment: Experiment, metric: str, region: str) -> list[list[float]]:
    """The folds where the metric is defined for a case."""
    found = []
    for rows in experiment.folds.values():
        values = list(defined_values(rows, metric, region).values())
        if values:
            found.append(values)
    return found


def _draw(panel: Axes, place: int, folds: Sequence[Sequence[float]]) -> None:
    if not folds:
        return
    cases = np.concatenate(folds)
    spread = place + np.random.default_rng(0).uniform(-0.22, 0.22, len(cases))
    panel.scatter(cases, spread, s=14, color=BLUE, alpha=0.6, linewidths=0)
    line = {"color": "0.25", "linewidth": 1.2}
    panel.boxplot(
        cases,
        positions=[place],
        widths=0.6,
        orientation="horizontal",
        showfliers=False,
        manage_ticks=False,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
        medianprops={"color": "black", "linewidth": 2},
    )
    means = [float(np.mean(values)) for values in folds]
    panel.scatter(
        means,
        [place] * len(means),
        s=34,
        marker="D",
        color=ORANGE,
        edgecolors="white",
        linewidths=0.8,
        zorder=4,
    )
