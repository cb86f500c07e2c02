"""Training cases whose loss stays high, perhaps for a wrong truth (section 2.5, dataset filtering)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from brats_seg.artifacts.run_folder import RunFolder, folds_of
from brats_seg.errors import UserError
from brats_seg.figures import save_figure
from brats_seg.files import is_picture, refuse_foreign, says, write_json

NORMAL_MAD = 1.4826
"""1.4826 x MAD (median absolute deviation) estimates the standard deviation of a normal distribution."""
NAMED = 20
"""Flagged cases that have their name in the plot."""


def flag_cases(
    runs: Sequence[Path], output: Path, *, last_epochs: int, deviations: float, overwrite: bool = False
) -> list[str]:
    """Write a list for a person to review, which ``data.exclude`` takes as it is: JSON, and a plot beside it.

    Args:
        runs: Run folders, or folders of folds; the paper's are those of the plain models.
        output: Of the list; the plot has the same name and ``.png``.
        last_epochs: How many epochs at the end of each run count.
        deviations: Flagged are scores above the median plus so many robust standard deviations.
        overwrite: Replace files that this program has not written.

    Returns:
        Ids of the flagged cases, the hardest first.

    Raises:
        UserError: A run has no case losses, or ``output`` would be the plot.
    """
    if output.suffix == ".png":
        raise UserError(
            f"output={output}: the list is JSON and its plot lies beside it: give another ending than .png"
        )
    plot = output.with_suffix(".png")
    refuse_foreign({output: says('"exclude"', '"review"'), plot: is_picture}, overwrite=overwrite)
    folders: list[RunFolder] = []
    for run in runs:
        folders.extend(_with_losses(RunFolder(run)))
    losses = [folder.read_case_losses() for folder in folders]
    scores = score_losses(losses, last_epochs)
    if not scores:
        raise UserError(f"{', '.join(str(folder.path) for folder in folders)}: no loss of a case is finite")
    threshold, flagged = flag(scores, deviations)
    hardest = dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))
    record = {
        "exclude": flagged,
        "review": "look at each of these before training without it; lines taken out of exclude stay in",
        "threshold": threshold,
        "last_epochs": last_epochs,
        "deviations": deviations,
        "runs": [str(folder.path) for folder in folders],
        "scores": {case_id: round(score, 6) for case_id, score in hardest.items()},
    }
    write_json(output, record)
    _plot(plot, list(hardest.values()), flagged, threshold)
    return flagged


def score_losses(runs: Iterable[Mapping[int, Mapping[str, float]]], last_epochs: int) -> dict[str, float]:
    """Mean loss of each case over the last epochs of a run, then over the runs that trained on it.

    Args:
        runs: Of each run, epoch to case id to loss.
        last_epochs: How many epochs at the end of each run count.

    Returns:
        Case id to score, sorted by id.

    >>> score_losses([{0: {"x": 9.0}, 1: {"x": 1.0}}, {0: {"x": 2.0}}], last_epochs=1)
    {'x': 1.5}
    """
    means: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        seen: dict[str, list[float]] = defaultdict(list)
        for epoch in sorted(run)[-last_epochs:]:
            for case_id, loss in run[epoch].items():
                if math.isfinite(loss):  # that step was skipped
                    seen[case_id].append(loss)
        for case_id, losses in seen.items():
            means[case_id].append(float(np.mean(losses)))
    return {case_id: float(np.mean(values)) for case_id, values in sorted(means.items())}


def flag(scores: Mapping[str, float], deviations: float) -> tuple[float, list[str]]:
    """The cases above the median plus ``deviations`` times 1.4826 MAD.

    Args:
        scores: Case id to score.
        deviations: Robust standard deviations above the median.

    Returns:
        The threshold, and the cases above it, the hardest first.
    """
    values = np.array(list(scores.values()))
    median = float(np.median(values))
    threshold = median + deviations * NORMAL_MAD * float(np.median(np.abs(values - median)))
    above = [case_id for case_id, value in scores.items() if value > threshold]
    return threshold, sorted(above, key=lambda case_id: (-scores[case_id], case_id))


def _with_losses(run: RunFolder) -> list[RunFolder]:
    if run.case_losses.exists():
        return [run]
    found = [fold for fold in folds_of(run.path).values() if fold.case_losses.exists()]
    if not found:
        name = run.case_losses.name
        raise UserError(f"{run.path}: expected a run folder with {name}, or folds of it; found none")
    return found


def _plot(path: Path, scores: Sequence[float], flagged: Sequence[str], threshold: float) -> None:
    """Every score, the hardest first; the flagged ones by name."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axis = figure.subplots()
    count = len(flagged)
    axis.plot(range(count, len(scores)), scores[count:], ".", color="tab:blue", label="kept")
    axis.plot(range(count), scores[:count], ".", color="tab:red", label=f"flagged: {count}")
    for place, case_id in enumerate(flagged[:NAMED]):
        axis.annotate(case_id, (place, scores[place]), fontsize=7, xytext=(5, 0), textcoords="offset points")
    axis.axhline(threshold, color="black", linewidth=0.8, label=f"threshold {threshold:.3f}")
    axis.set(xlabel="case, the hardest first", ylabel="training loss of the main head")
    axis.legend()
    save_figure(path, figure, dpi=120)
