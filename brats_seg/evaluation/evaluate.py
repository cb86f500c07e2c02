"""Score predictions against references and write the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from brats_seg.cases import Case
from brats_seg.errors import UserError, WrongValue
from brats_seg.evaluation import calibration, ranking
from brats_seg.evaluation.cohort import Missing, score_cohort
from brats_seg.evaluation.conventions import convention as named
from brats_seg.evaluation.pairs import find_pairs, find_references
from brats_seg.evaluation.record import write_record
from brats_seg.evaluation.score import Wanted
from brats_seg.evaluation.tables import Summary, from_csv, summarise, to_csv, to_markdown, to_terminal
from brats_seg.files import write_text


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
    with _bar(len(pairs)) as progress:
        scores = score_cohort(pairs, wanted, missing=missing, workers=workers, strangers=strangers, progress=progress)
    summaries, notes = summarise(scores.rows), [*scores.notes, *strangers]
    write_text(output / "per_case.csv", to_csv(scores.rows))
    write_text(output / "summary.csv", to_csv(summaries))
    write_text(output / "summary.md", to_markdown(summaries, convention=convention, paper=paper, notes=notes))
    write_record(output, convention)
    if scores.calibration:
        write_text(output / "calibration.csv", calibration.to_csv(scores.calibration))
        calibration.save_diagram(output / "calibration.png", scores.calibration)
    console = Console()
    console.print(to_terminal(summaries, convention=convention, paper=paper))
    for note in notes:
        console.print(note, highlight=False, soft_wrap=True, markup=False)
    return summaries


def compare(
    predictions: Sequence[Path], references: Path, output: Path, *, convention: str = "brats2020", seed: int = 0, **options: Any
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
        entrants[name] = from_csv((output / name / "per_case.csv").read_text(encoding="utf-8"))
    metrics = named(convention).ranked
    found = ranking.rank(entrants, metrics, seed=seed)
    write_text(output / "ranking.csv", ranking.to_csv(found))
    write_text(output / "ranking.md", ranking.to_markdown(found, convention, metrics))
    console.rule("ranking", align="left")
    console.print(ranking.to_terminal(found))
    return found


def distinct_names(folders: Sequence[Path], key: str = "predictions") -> list[str]:
    """The last parts of the paths, as many as it takes to tell them apart, joined by ``-``.

    Args:
        folders: Any.
        key: Where they were given, for the error.

    Raises:
        UserError: A folder is given twice.
    """
    parts = [folder.resolve().parts[1:] for folder in folders]
    if len(set(parts)) < len(parts):
        raise UserError(f"{key}: the same folder is given twice")
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["-".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise AssertionError(parts)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """A bar where a person watches."""
    console = Console(stderr=True)
    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("score", total=total)
        yield lambda: bar.advance(task)
