"""Score predictions against references and write the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from brats_seg.artifacts.evaluation_folder import EvaluationFolder
from brats_seg.cases import Case
from brats_seg.console import progress_bar
from brats_seg.errors import WrongValue
from brats_seg.evaluation import calibration, ranking
from brats_seg.evaluation.conventions import convention as named
from brats_seg.evaluation.pairs import find_pairs, find_references
from brats_seg.evaluation.score_case import Wanted
from brats_seg.evaluation.score_cohort import Missing, score_cohort
from brats_seg.evaluation.tables import Summary, summarise, to_markdown, to_terminal
from brats_seg.files import distinct_names, write_text


def evaluate(
    predictions: Path,
    references: Path | Sequence[Case],
    output: Path,
    *,
    convention: str = "brats2020",
    prediction_labels: str | None = None,
    reference_labels: str | None = None,
    patterns: Mapping[str, str | None] | None = None,
    missing: Missing = "fail",
    paper: bool = False,
    uncertainty_intervals: int = 0,
    calibration_bins: int = 0,
    workers: int = 1,
) -> list[Summary]:
    """Write ``per_case.csv``, ``summary.csv``, ``summary.md`` and ``evaluation.json``, and print the table.

    Args:
        predictions: Prediction folder.
        references: A case tree, a flat folder of label maps, or cases that somebody found.
        output: Evaluation folder.
        convention: Key of :data:`brats_seg.evaluation.conventions.CONVENTIONS`.
        prediction_labels: Label convention of the predictions; None: as their JSON says.
        reference_labels: Label convention of the references; None: as the naming says.
        patterns: Of the references' files, where their naming is your own.
        missing: What becomes of a prediction that is missing or cannot be scored.
        paper: Put the paper's results beside.
        uncertainty_intervals: Between the thresholds of the uncertainty scores; 0 leaves them out.
        calibration_bins: Of the reliability diagram; 0 leaves it out.
        workers: Processes.

    Raises:
        UserError: What cannot be scored, one line each; nothing is written then.
    """
    if missing not in get_args(Missing):
        raise WrongValue(f"missing={missing}: use one of {', '.join(get_args(Missing))}")
    wanted = Wanted(named(convention), intervals=uncertainty_intervals, bins=calibration_bins)
    truths = find_references(references, labels=reference_labels, patterns=patterns)
    pairs, strangers = find_pairs(predictions, truths, labels=prediction_labels)
    with progress_bar("scoring", len(pairs)) as progress:
        scores = score_cohort(
            pairs, wanted, missing=missing, workers=workers, strangers=strangers, progress=progress
        )
    summaries, notes = summarise(scores.rows), [*scores.notes, *strangers]
    folder = EvaluationFolder(output)
    folder.write(
        scores.rows,
        summaries,
        to_markdown(summaries, convention=convention, paper=paper, notes=notes),
        convention,
    )
    if scores.calibration:
        write_text(folder.calibration_csv, calibration.to_csv(scores.calibration))
        calibration.save_diagram(folder.calibration_png, scores.calibration)
    console = Console()
    console.print(to_terminal(summaries, convention=convention, paper=paper))
    for note in notes:
        console.print(note, highlight=False, soft_wrap=True, markup=False)
    return summaries


def compare(
    predictions: Sequence[Path],
    references: Path,
    output: Path,
    *,
    convention: str = "brats2020",
    seed: int = 0,
    **options: Any,
) -> ranking.Ranking:
    """Evaluate several prediction folders, each into ``output/<its name>``, and rank them: ``ranking.csv``, ``ranking.md``.

    Args:
        predictions: Prediction folders.
        references: As for :func:`evaluate`.
        output: Evaluation folder.
        convention: As for :func:`evaluate`.
        seed: Of the permutation test.
        options: What else :func:`evaluate` takes.

    Raises:
        UserError: As :func:`evaluate`.
    """
    console, entrants = Console(), {}
    for name, folder in zip(distinct_names(predictions), predictions, strict=True):
        console.rule(name, align="left")
        evaluate(folder, references, output / name, convention=convention, **options)
        entrants[name] = EvaluationFolder(output / name).read_rows()
    metrics = named(convention).ranked
    found = ranking.rank(entrants, metrics, seed=seed)
    write_text(output / "ranking.csv", ranking.to_csv(found))
    write_text(output / "ranking.md", ranking.to_markdown(found, convention, metrics))
    console.rule("ranking", align="left")
    console.print(ranking.to_terminal(found))
    return found
