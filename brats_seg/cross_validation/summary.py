"""What a cross-validation came to: the paper's Table 2, differences between experiments, and which models become the ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from brats_seg.artifacts.bundles import Pipeline
from brats_seg.artifacts.ensemble_file import write_ensemble
from brats_seg.artifacts.evaluation_folder import to_csv
from brats_seg.cross_validation.boxplot import save_box_plot
from brats_seg.cross_validation.experiments import doubts, missing_folds, read_experiments
from brats_seg.cross_validation.selection import select
from brats_seg.cross_validation.statistics import CrossValidated, across_folds, differences, fold_means
from brats_seg.cross_validation.tables import Grid, differences_grids, ranking_grid, summary_grids
from brats_seg.files import write_text


def cv_summary(
    runs: Sequence[Path],
    output: Path,
    *,
    keep: Mapping[Pipeline, int | None],
    draws: int,
    confidence: float,
    seed: int,
    paper: bool = False,
) -> list[CrossValidated]:
    """Write tables, a picture and the ensemble, and print the tables.

    ``folds.csv``, ``summary.csv``, ``boxplot.png``; where two experiments share cases ``differences.csv``, where there are
    bundles ``ranking.csv`` and ``ensemble.yaml``; last ``summary.md``, which has all of it.

    Args:
        runs: Folders of folds, ``<runs_root>/<name>``; what counts of a fold is its ``evaluation/`` and its ``bundle/``.
        output: Folder for all of it.
        keep: Pipeline to how many networks per fold become part of the ensemble; None: all.
        draws: Of the bootstrap.
        confidence: Of its interval.
        seed: Of its draws.
        paper: Put the paper's results beside.

    Raises:
        UserError: No fold is scored, or scores or a bundle cannot be used.
    """
    experiments = read_experiments(runs)
    means = fold_means(experiments)
    found = across_folds(means)
    deltas = differences(experiments, draws=draws, confidence=confidence, seed=seed)
    ranked, chosen = select(experiments, keep)
    tables = summary_grids(found, paper=paper)
    others = differences_grids(deltas, confidence=confidence)
    others += [ranking_grid(ranked)] if ranked else []
    for name, records in (("folds", means), ("summary", found), ("differences", deltas), ("ranking", ranked)):
        if records:
            write_text(output / f"{name}.csv", to_csv(records))
        else:
            (output / f"{name}.csv").unlink(missing_ok=True)
    save_box_plot(output / "boxplot.png", experiments)
    if ranked:
        write_ensemble(output / "ensemble.yaml", chosen)
    else:
        (output / "ensemble.yaml").unlink(missing_ok=True)
    _tell(tables, others, [*missing_folds(experiments), *doubts(experiments)], output)
    return found


def _tell(tables: Sequence[Grid], others: Sequence[Grid], remarks: Sequence[str], output: Path) -> None:
    """In a file, written last, and on the terminal."""
    notes = ["".join(f"- {line}\n" for line in remarks)] if remarks else []
    picture = "![Dice per case, experiment and region](boxplot.png)\n"
    first, last = ([grid.markdown() for grid in grids] for grids in (tables, others))
    write_text(output / "summary.md", "\n".join(["# Cross-validation\n", *first, *notes, picture, *last]))
    console = Console()
    for grid in (*tables, *others):
        console.print(grid.terminal())
    for line in remarks:
        console.print(line, highlight=False, soft_wrap=True)
    console.print(f"{output / 'summary.md'}", highlight=False, soft_wrap=True)
