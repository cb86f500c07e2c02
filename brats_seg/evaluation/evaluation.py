"""Score prediction folders against references, and write the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from brats_seg.artifacts.evaluation_folder import EvaluationFolder
from brats_seg.artifacts.scores import Row, as_written
from brats_seg.cases import Case
from brats_seg.cases.data_sets import remarks
from brats_seg.console import progress_bar
from brats_seg.evaluation import ranking
from brats_seg.evaluation.conventions import find_convention
from brats_seg.evaluation.pairs import find_pairs, find_references
from brats_seg.evaluation.ranking import Ranking
from brats_seg.evaluation.score_cohort import score_cohort
from brats_seg.evaluation.settings import Scoring
from brats_seg.evaluation.tables import Summary, summarise, to_markdown
from brats_seg.evaluation.wanted import Wanted
from brats_seg.files import distinct_names, refuse_foreign, says, write_text


@dataclass(frozen=True)
class Evaluation:
    """The scores of a prediction folder.

    Attributes:
        rows: One per case, region and metric, sorted by case.
        summaries: One per metric and region.
        notes: One line per case that was penalised or left out, and per prediction without a reference.
        scoring: How it was scored.
    """

    rows: list[Row]
    summaries: list[Summary]
    notes: list[str]
    scoring: Scoring


@dataclass(frozen=True)
class Comparison:
    """Several prediction folders, scored and ranked.

    Attributes:
        evaluations: Name of a folder to its scores, in the order in which they were given.
        ranking: Of these names.
    """

    evaluations: dict[str, Evaluation]
    ranking: Ranking


def evaluate(
    predictions: Path,
    references: Path | Sequence[Case],
    output: Path,
    scoring: Scoring | None = None,
    *,
    patterns: Mapping[str, str | None] | None = None,
    workers: int = 1,
) -> Evaluation:
    """Score a prediction folder, and write an evaluation folder.

    Args:
        predictions: Prediction folder.
        references: A case tree, a flat folder of label maps, or cases already found.
        output: Evaluation folder.
        scoring: How to score; None: as ``conf/evaluate.yaml`` does.
        patterns: Of the references' files, where they have other names, as for
            :func:`brats_seg.cases.find_cases`.
        workers: Processes.

    Returns:
        The scores that were written.

    Raises:
        UserError: Predictions or references that cannot be scored, one line each; nothing is written then.
    """
    scoring = scoring or Scoring.default()
    wanted = Wanted(
        find_convention(scoring.convention),
        intervals=scoring.uncertainty_intervals,
        bins=scoring.calibration_bins,
    )
    folder = EvaluationFolder(output)
    folder.refuse_foreign(Summary, overwrite=scoring.overwrite)
    truths = find_references(
        references, labels=scoring.reference_labels, patterns=patterns, orientation=scoring.orientation
    )
    pairs, unmatched = find_pairs(predictions, truths, labels=scoring.prediction_labels)
    with progress_bar("scoring", len(pairs)) as progress:
        score = partial(score_cohort, missing=scoring.missing, workers=workers, unmatched=unmatched)
        scores = score(pairs, wanted, progress=progress)
    fit = [f"case {case}: {line}" for case, line in remarks(truths)]
    notes = [*scores.notes, *unmatched, *fit]
    found = Evaluation(scores.rows, summarise(scores.rows), notes, scoring)
    with folder.written(scoring.convention):
        folder.write_tables(found.rows, found.summaries, _to_markdown(found))
        if scores.reliability:
            from brats_seg.evaluation import reliability_diagram  # matplotlib takes a third of a second

            write_text(folder.calibration_csv, reliability_diagram.to_csv(scores.reliability))
            reliability_diagram.save_diagram(folder.calibration_png, scores.reliability)
    return found


def compare(
    predictions: Sequence[Path],
    references: Path,
    output: Path,
    scoring: Scoring | None = None,
    *,
    patterns: Mapping[str, str | None] | None = None,
    workers: int = 1,
) -> Comparison:
    """Evaluate several prediction folders, each into ``output/<its name>``, and rank them.

    Writes ``ranking.csv`` and ``ranking.md``.

    Args:
        predictions: Prediction folders.
        references: As for :func:`evaluate`.
        output: Folder of the evaluation folders.
        scoring: As for :func:`evaluate`.
        patterns: As for :func:`evaluate`.
        workers: Processes.

    Returns:
        The scores of each folder, and their ranking.

    Raises:
        UserError: As :func:`evaluate`, or no case was scored in every folder.
    """
    scoring = scoring or Scoring.default()
    tables = {
        output / "ranking.csv": says("place,predictions,mean rank"),
        output / "ranking.md": says("| place | predictions | mean rank |"),
    }
    refuse_foreign(tables, overwrite=scoring.overwrite)
    evaluations: dict[str, Evaluation] = {}
    entrants: dict[str, list[Row]] = {}
    for name, folder in zip(distinct_names(predictions), predictions, strict=True):
        found = evaluate(folder, references, output / name, scoring, patterns=patterns, workers=workers)
        evaluations[name] = found
        entrants[name] = as_written(found.rows)
    metrics = find_convention(scoring.convention).ranked
    ranked = ranking.rank(entrants, metrics, seed=scoring.seed)
    write_text(output / "ranking.csv", ranking.to_csv(ranked))
    write_text(output / "ranking.md", ranking.to_markdown(ranked, scoring.convention, metrics))
    return Comparison(evaluations, ranked)


def _to_markdown(found: Evaluation) -> str:
    scoring = found.scoring
    return to_markdown(found.summaries, convention=scoring.convention, paper=scoring.paper, notes=found.notes)
