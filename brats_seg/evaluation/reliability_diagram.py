"""The reliability diagram of a cohort: are voxels with probability 0.8 positive in 80 % of cases?

Covered by tests/evaluation/test_evaluation.py.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brats_seg.figures import save_figure
from brats_seg.metrics.uncertainty import expected_calibration_error

Sums = NDArray[np.float64]
"""``(bins, 3)``: voxels, sum of their probabilities, how many of them are positive, of one region."""
HEAD = ("region", "from", "to", "voxels", "mean_probability", "observed_frequency")
BLUE = "#1f5fa8"


def to_csv(sums: Mapping[str, Sums]) -> str:
    """Region and bin to voxels, mean probability and observed frequency; empty where there is no voxel."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for region, table in sums.items():
        edges = np.linspace(0, 1, len(table) + 1)
        for low, high, (voxels, probability, true) in zip(edges, edges[1:], table, strict=False):
            means = [f"{probability / voxels:.6g}", f"{true / voxels:.6g}"] if voxels else ["", ""]
            writer.writerow([region, f"{low:.6g}", f"{high:.6g}", int(voxels), *means])
    return text.getvalue()


def save_diagram(path: Path, sums: Mapping[str, Sums]) -> None:
    """Write the diagram as PNG, whole or not at all: a panel per region, and below it the voxels of each bin.

    Args:
        path: Of the file.
        sums: Region to its sums over all cases.

    Raises:
        UserError: The file cannot be written.
    """
    figure = Figure(figsize=(3.2 * len(sums), 4.2), layout="constrained")
    axes = figure.subplots(2, len(sums), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1))
    for (region, table), (curve, count) in zip(sums.items(), axes.T, strict=True):
        _draw_curve(curve, region, table)
        edges = np.linspace(0, 1, len(table) + 1)
        count.bar(edges[:-1], table[:, 0], width=np.diff(edges), align="edge", color=BLUE)
        count.set(yscale="log", xlabel="mean probability")
    axes[0, 0].set_ylabel("observed frequency")
    axes[1, 0].set_ylabel("voxels")
    save_figure(path, figure, dpi=110)


def _draw_curve(curve: Axes, region: str, table: Sums) -> None:
    held = table[table[:, 0] > 0]
    probability = held[:, 1] / held[:, 0]
    frequency = held[:, 2] / held[:, 0]
    title = f"{region}, ECE {expected_calibration_error(table):.4f}"
    curve.plot((0, 1), (0, 1), color="0.6", linewidth=1, linestyle="--")
    curve.plot(probability, frequency, marker="o", markersize=4, color=BLUE)
    curve.set(title=title, aspect="equal", xlim=(0, 1), ylim=(0, 1))
