"""Score many cases, and list those that cannot be scored. Covered by tests/evaluation/test_evaluation.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from brats_seg import parallel
from brats_seg.artifacts.scores import Row
from brats_seg.errors import CaseError, UserError
from brats_seg.evaluation.pairs import Pair
from brats_seg.evaluation.score_case import CaseScores, read_truth, score_pair
from brats_seg.evaluation.settings import Missing
from brats_seg.evaluation.uncertainty import Sums
from brats_seg.evaluation.wanted import Wanted

CASES_PER_PROCESS = 4
"""So many cases take longer to score than a process takes to start."""
REMEDY = "missing=penalise scores it as the worst there is, missing=skip leaves it out"


@dataclass(frozen=True)
class CohortScores:
    """What was measured of a folder.

    Attributes:
        rows: Sorted by case.
        reliability: Region to the sums of its reliability diagram over all cases; empty where it was not
            wanted.
        notes: One line per case that was penalised or left out.
    """

    rows: list[Row] = field(default_factory=list)
    reliability: dict[str, Sums] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, scores: CaseScores) -> None:
        """Take the scores of one more case in."""
        self.rows.extend(scores.rows)
        for region, sums in scores.reliability.items():
            self.reliability[region] = self.reliability.get(region, 0) + sums


def score_cohort(
    pairs: Sequence[Pair],
    wanted: Wanted,
    *,
    missing: Missing,
    workers: int,
    unmatched: Sequence[str] = (),
    progress: Callable[[], None] = lambda: None,
) -> CohortScores:
    """Score all pairs.

    Args:
        pairs: What to score.
        wanted: What to measure.
        missing: How a missing or unusable prediction counts: ``penalise`` worst score, ``fail`` one error
            that lists all, ``skip`` left out. Each is listed in ``notes``.
        workers: Processes; below 2 works in this one.
        unmatched: Lines about predictions without a reference, shown with the error: a misnamed prediction
            often explains a missing one.
        progress: Called after each case.

    Returns:
        The scores of all cases.

    Raises:
        UserError: A reference cannot be used; with ``missing="fail"``, a prediction cannot; no case could be
            scored; or a process died.
    """
    pipelines: set[str] = set()
    for pair in pairs:
        pipelines.update(pair.per_pipeline)
    wanted = replace(wanted, pipelines=tuple(sorted(pipelines)))
    found = CohortScores()
    useless: list[str] = []
    workers = min(workers, len(pairs) // CASES_PER_PROCESS)
    for attempt in parallel.each(partial(_attempt, wanted, missing), pairs, workers):
        progress()
        if attempt.problem is not None:
            (useless if attempt.useless_reference else found.notes).append(attempt.problem)
        if attempt.scores is not None:
            found.add(attempt.scores)
    _refuse(found, useless, unmatched, missing)
    return found


@dataclass(frozen=True)
class _Attempt:
    """Scores where there are any, and why there are none: because of the prediction, or of the reference."""

    scores: CaseScores | None
    problem: str | None = None
    useless_reference: bool = False


def _attempt(wanted: Wanted, missing: Missing, pair: Pair) -> _Attempt:
    try:
        truth = read_truth(pair, wanted.convention)
    except CaseError as error:
        return _Attempt(None, str(error), useless_reference=True)
    problem = f"case {pair.case}: no prediction"
    if pair.prediction is not None:
        try:
            return _Attempt(score_pair(pair, truth, wanted))
        except CaseError as error:
            problem = str(error)
    if missing == "penalise":
        return _Attempt(score_pair(replace(pair, prediction=None), truth, wanted), f"{problem}; penalised")
    return _Attempt(None, f"{problem}; left out" if missing == "skip" else problem)


def _refuse(found: CohortScores, useless: list[str], unmatched: Sequence[str], missing: Missing) -> None:
    failed = bool(found.notes) and missing == "fail"
    if useless or failed:
        remedy = [REMEDY] if failed else []
        raise UserError("\n".join([*useless, *found.notes, *unmatched, *remedy]))
    if not found.rows:
        raise UserError("\n".join([*found.notes, "no case could be scored"]))
