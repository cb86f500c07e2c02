"""Score many cases at once, and say of each one that could not be scored why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Literal

from brats_seg.artifacts.evaluation_folder import Row
from brats_seg.errors import CaseError, UserError
from brats_seg.evaluation.pairs import Pair
from brats_seg.evaluation.reading import read_label_map
from brats_seg.evaluation.score_case import CaseScores, Wanted, score_pair
from brats_seg.evaluation.uncertainty import Sums

Missing = Literal["penalise", "fail", "skip"]
REMEDY = "missing=penalise scores it as the worst there is, missing=skip leaves it out"


@dataclass(frozen=True)
class CohortScores:
    """What was measured of a folder.

    Attributes:
        rows: Sorted by case.
        calibration: Region to the sums of its reliability diagram over all cases; empty where it was not wanted.
        notes: One line per case that was penalised or left out.
    """

    rows: list[Row]
    calibration: dict[str, Sums]
    notes: list[str]


def score_cohort(
    pairs: Sequence[Pair],
    wanted: Wanted,
    *,
    missing: Missing,
    workers: int,
    strangers: Sequence[str] = (),
    progress: Callable[[], None] = lambda: None,
) -> CohortScores:
    """Score all pairs.

    Args:
        pairs: What to score.
        wanted: What to measure.
        missing: What becomes of a prediction that is missing or cannot be scored: the worst score there is, an error
            (of all at once), or it is left out. Each has its line in every case.
        workers: Processes; below 2 works in this one.
        strangers: Lines about predictions without a reference: one of a wrong name explains one that is missing.
        progress: Called after each case.

    Raises:
        UserError: With ``missing="fail"``, the list of such predictions; always, that of references that cannot be used.
    """
    wanted = replace(wanted, alone=tuple(sorted({metric for pair in pairs for metric in pair.alone})))
    rows: list[Row] = []
    calibration: dict[str, Sums] = {}
    problems: list[str] = []
    useless: list[str] = []
    for attempt in _each(pairs, partial(_attempt, wanted, missing), workers):
        progress()
        if attempt.problem is not None:
            (useless if attempt.useless_reference else problems).append(attempt.problem)
        if attempt.scores is not None:
            rows += attempt.scores.rows
            for region, sums in attempt.scores.calibration.items():
                calibration[region] = calibration.get(region, 0) + sums
    if useless or (problems and missing == "fail"):
        raise UserError(
            "\n".join(
                [*useless, *problems, *strangers, *([REMEDY] if problems and missing == "fail" else [])]
            )
        )
    if not rows:
        raise UserError("\n".join([*problems, "no case could be scored"]))
    return CohortScores(rows, calibration, problems)


@dataclass(frozen=True)
class _Attempt:
    """Scores where there are any, and what stood in the way: the prediction, or the reference."""

    scores: CaseScores | None
    problem: str | None = None
    useless_reference: bool = False


def _attempt(wanted: Wanted, missing: Missing, pair: Pair) -> _Attempt:
    try:
        truth = read_label_map(pair.case, pair.reference)
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


def _each(pairs: Sequence[Pair], attempt: Callable[[Pair], _Attempt], workers: int) -> Iterator[_Attempt]:
    """In the order of the pairs."""
    if workers < 2 or len(pairs) < 2:
        yield from map(attempt, pairs)
        return
    try:
        with ProcessPoolExecutor(min(workers, len(pairs)), mp_context=get_context("spawn")) as pool:
            yield from pool.map(attempt, pairs)
    except BrokenProcessPool as error:
        raise UserError("a process died, probably for want of memory; try workers=1") from error
