"""Which training cases stay hard to learn, perhaps because their truth is wrong? (section 2.5, dataset filtering)"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.errors import UserError
from brats_seg.files import whole_file, write_json

NORMAL_MAD = 1.4826
"""Times the median absolute deviation is the standard deviation of a normal distribution."""


def flag_cases(runs: Sequence[Path], output: Path, *, last_epochs: int, deviations: float) -> list[str]:
    """Write a list for a person to review, which ``data.exclude`` takes as it is: JSON, and a plot beside it.

    Args:
        runs: Run folders, or folders of folds; the paper's are those of the plain models.
        output: Of the list; the plot has the same name and ``.png``.
        last_epochs: Of each run, whose mean counts.
        deviations: Flagged are scores above the median plus so many robust standard deviations.

    Returns:
        Ids of the flagged cases, the hardest first.

    Raises:
        UserError: A run has no case losses, or ``output`` would be the plot.
    """
    if output.suffix == ".png":
        raise UserError(
            f"output={output}: the list is JSON and its plot lies beside it: give another ending than .png"
        )
    files = [file for run in runs for file in _tables(RunFolder(run))]
    scores = score(map(read_losses, files), last_epochs)
    threshold, flagged = flag(scores, deviations)
    hardest = sorted(scores, key=lambda case_id: (-scores[case_id], case_id))
    record = {
        "exclude": flagged,
        "review": "look at each of these before training without it; lines taken out of exclude stay in",
        "threshold": threshold,
        "last_epochs": last_epochs,
        "deviations": deviations,
        "runs": [str(file.parent) for file in files],
        "scores": {case_id: round(scores[case_id], 6) for case_id in hardest},
    }
    write_json(output, record)
    _plot(output.with_suffix(".png"), [scores[case_id] for case_id in hardest], flagged, threshold)
    return flagged


def score(runs: Iterable[Mapping[int, Mapping[str, float]]], last_epochs: int) -> dict[str, float]:
    """Mean loss of each case over the last epochs of a run, then over the runs that trained on it.

    Args:
        runs: Of each, epoch to case id to loss.
        last_epochs: How many of the epochs that each has.
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
    """Median plus ``deviations`` times 1.4826 MAD, and the cases above it, the hardest first."""
    values = np.array(list(scores.values()))
    median = float(np.median(values))
    threshold = median + deviations * NORMAL_MAD * float(np.median(np.abs(values - median)))
    above = [case_id for case_id, value in scores.items() if value > threshold]
    return threshold, sorted(above, key=lambda case_id: (-scores[case_id], case_id))


def read_losses(file: Path) -> dict[int, dict[str, float]]:
    """``case_losses.csv`` as epoch to case id to loss.

    Raises:
        UserError: It is another file, or empty.
    """
    found: dict[int, dict[str, float]] = defaultdict(dict)
    try:
        with file.open(newline="") as lines:
            for row in csv.DictReader(lines):
                found[int(row["epoch"])][row["case"]] = float(row["loss"])
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{file}: expected columns epoch, case, loss ({error})") from error
    if not found:
        raise UserError(f"{file}: no epoch has finished yet")
    return found


def _tables(run: RunFolder) -> list[Path]:
    files = (
        [run.case_losses]
        if run.case_losses.exists()
        else sorted(run.path.glob(f"fold_*/{run.case_losses.name}"))
    )
    if not files:
        raise UserError(
            f"{run.path}: expected a run folder with {run.case_losses.name}, or folds of it; found none"
        )
    return files


def _plot(path: Path, scores: Sequence[float], flagged: Sequence[str], threshold: float) -> None:
    """Every score, the hardest first; the flagged ones by name."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axis = figure.subplots()
    count = len(flagged)
    axis.plot(range(count, len(scores)), scores[count:], ".", color="tab:blue", label="kept")
    axis.plot(range(count), scores[:count], ".", color="tab:red", label=f"flagged: {count}")
    for place, case_id in enumerate(flagged[:20]):
        axis.annotate(case_id, (place, scores[place]), fontsize=7, xytext=(5, 0), textcoords="offset points")
    axis.axhline(threshold, color="black", linewidth=0.8, label=f"threshold {threshold:.3f}")
    axis.set(xlabel="case, the hardest first", ylabel="training loss of the main head")
    axis.legend()
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
