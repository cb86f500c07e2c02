"""The reliability diagram of a cohort: is what is called 80 % sure right in 80 % of the voxels?"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brats_seg.files import whole_file
from brats_seg.metrics.uncertainty import expected_calibration_error

Sums = NDArray[np.float64]


def to_csv(sums: Mapping[str, Sums]) -> str:
    """Region and bin to voxels, mean probability and observed frequency; both empty where there is no voxel."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["region", "from", "to", "voxels", "mean_probability", "observed_frequency"])
    for region, table in sums.items():
        edges = np.linspace(0, 1, len(table) + 1)
        for low, high, (voxels, probability, true) in zip(edges, edges[1:], table, strict=False):
            means = [f"{probability / voxels:.6g}", f"{true / voxels:.6g}"] if voxels else ["", ""]
            writer.writerow([region, f"{low:.6g}", f"{high:.6g}", int(voxels), *means])
    return text.getvalue()


def save_diagram(path: Path, sums: Mapping[str, Sums]) -> None:
    """Write the diagram as PNG, whole or not at all: one panel per region, how many voxels there are behind each point below."""
    figure = Figure(figsize=(3.2 * len(sums), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(sums), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1))
    for (region, table), (curve, count) in zip(sums.items(), axes.T, strict=True):
        held = table[table[:, 0] > 0]
        edges = np.linspace(0, 1, len(table) + 1)
        curve.plot((0, 1), (0, 1), color="0.6", linewidth=1, linestyle="--")
        curve.plot(
            held[:, 1] / held[:, 0], held[:, 2] / held[:, 0], marker="o", markersize=4, color="#1f5fa8"
        )
        curve.set(
            title=f"{region}, ECE {expected_calibration_error(table):.4f}",
            aspect="equal",
            xlim=(0, 1),
            ylim=(0, 1),
        )
        count.bar(edges[:-1], table[:, 0], width=np.diff(edges), align="edge", color="#1f5fa8")
        count.set(yscale="log", xlabel="mean probability")
    axes[0, 0].set_ylabel("observed frequency")
    axes[1, 0].set_ylabel("voxels")
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
