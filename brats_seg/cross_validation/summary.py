"""Sum up a cross-validation: the paper's Table 2, differences between experiments, choice of the ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from brats_seg.artifacts.bundles import Pipeline
from brats_seg.artifacts.ensemble_file import write_ensemble
from brats_seg.artifacts.scores import is_table_of, to_csv
from brats_seg.console import table_console
from brats_seg.cross_validation.boxplot import save_box_plot
from brats_seg.cross_validation.experiments import find_doubtful_folds, missing_folds, read_experiments
from brats_seg.cross_validation.selection import Ranked, select
from brats_seg.cross_validation.statistics import (
    Bootstrap,
    CrossValidated,
    Difference,
    FoldMean,
    across_folds,
    find_differences,
    fold_means,
)
from brats_seg.cross_validation.tables import differences_grids, ranking_grid, summary_grids
from brats_seg.files import Ours, is_picture, refuse_foreign, says, write_text
from brats_seg.grids import Grid, show_grid

TITLE = "# Cross-validation"

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def summarise_runs(
    runs: Sequence[Path],
    output: Path,
    *,
    keep: Mapping[Pipeline, int | None],
    bootstrap: Bootstrap,
    paper: bool = False,
    overwrite: bool = False,
) -> list[CrossValidated]:
    """Write tables, a picture and the ensemble, and print the tables.

    ``folds.csv``, ``summary.csv``, ``boxplot.png``; where two experiments share cases ``differences.csv``,
    where there are bundles ``ranking.csv`` and ``ensemble.yaml``; last ``summary.md``, which has all of it.

    Args:
        runs: Folders of folds, ``<runs_root>/<name>``; of each fold, its evaluation folder and its bundle are
            read.
        output: Folder for all of it.
        keep: Pipeline to how many networks per fold become part of the ensemble; None: all.
        bootstrap: Of the interval of each difference.
        paper: Put the paper's results beside.
        overwrite: Replace files that this program has not written.

    Returns:
        Mean and spread per experiment, metric and region.

    Raises:
        UserError: No fold is scored, or scores or a bundle cannot be used.
    """
    refuse_foreign(_outputs(output), overwrite=overwrite)
    experiments = read_experiments(runs)
    means = fold_means(experiments)
    found = across_folds(means)
    deltas = find_differences(experiments, bootstrap)
    ranked, chosen = select(experiments, keep)
    tables: dict[str, Sequence[DataclassInstance]] = {
        "folds": means,
        "summary": found,
        "differences": deltas,
        "ranking": ranked,
    }
    _write_tables(output, tables)
    save_box_plot(output / "boxplot.png", experiments)
    first = summary_grids(found, paper=paper)
    others = differences_grids(deltas, confidence=bootstrap.confidence)
    if ranked:
        write_ensemble(output / "ensemble.yaml", chosen)
        others.append(ranking_grid(ranked))
    else:
        (output / "ensemble.yaml").unlink(missing_ok=True)
    notes = [*missing_folds(experiments), *find_doubtful_folds(experiments)]
    file = output / "summary.md"
    write_text(file, _to_markdown(first, others, notes))
    _show([*first, *others], notes, file)
    return found


def _outputs(output: Path) -> dict[Path, Ours]:
    """Every file that may be written, and what tells whether the one there is ours."""
    return {
        output / "folds.csv": is_table_of(FoldMean),
        output / "summary.csv": is_table_of(CrossValidated),
        output / "differences.csv": is_table_of(Difference),
        output / "ranking.csv": is_table_of(Ranked),
        output / "boxplot.png": is_picture,
        output / "ensemble.yaml": says("schema:", "a:", "b:"),
        output / "summary.md": says(TITLE),
    }


def _write_tables(output: Path, tables: Mapping[str, Sequence[DataclassInstance]]) -> None:
    """Name to records; the file of a table without any goes."""
    for name, records in tables.items():
        file = output / f"{name}.csv"
        if records:
            write_text(file, to_csv(records))
        else:
            file.unlink(missing_ok=True)


def _to_markdown(tables: Sequence[Grid], others: Sequence[Grid], notes: Sequence[str]) -> str:
    """The means, the notes, the picture, and the other tables."""
    parts = [f"{TITLE}\n", *map(Grid.markdown, tables)]
    if notes:
        parts.append("".join(f"- {note}\n" for note in notes))
    parts += ["![Dice per case, experiment and region](boxplot.png)\n", *map(Grid.markdown, others)]
    return "\n".join(parts)


def _show(grids: Sequence[Grid], notes: Sequence[str], file: Path) -> None:
    console = table_console()
    for grid in grids:
        show_grid(console, grid)
    for note in notes:
        console.print(note, highlight=False, soft_wrap=True)
    console.print(f"{file}", highlight=False, soft_wrap=True)
