"""Which cases a report shows: those of a case tree, or those whose images a prediction's JSON names.

Covered by tests/report/test_sources.py and tests/report/test_report.py.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from brats_seg.artifacts.scores import Row, by_metric
from brats_seg.cases import find_cases
from brats_seg.evaluation.pairs import Pair, find_pairs, pair_of_case, refuse_untold
from brats_seg.report.case_files import CaseFiles
from brats_seg.report.recorded_pages import recorded_pages
from brats_seg.report.settings import ReportSettings
from brats_seg.report.write_pages import CasePage, scores_of

NAMED = 5
"""Cases without a prediction that the note about them names."""


@dataclass(frozen=True)
class FoundPages:
    """The pages to write, and what is to be told of the others.

    Attributes:
        pages: Sorted by case.
        unmatched: A line for each prediction without a reference.
        absent: A line for each scored case without a page, and one for all other absent ones.
    """

    pages: Sequence[CasePage]
    unmatched: Sequence[str] = ()
    absent: Sequence[str] = ()


def find_pages(
    predictions: Path, references: Path | None, settings: ReportSettings, rows: Sequence[Row]
) -> FoundPages:
    """Find the cases that have a prediction, and their images.

    Args:
        predictions: Prediction folder.
        references: Case tree; None: the images are those that the JSON of each prediction names.
        settings: How file names and label values are read.
        rows: Scores of all cases.

    Returns:
        The pages to write, and lines about cases that have none.

    Raises:
        UserError: A folder cannot be read, or label values are not known.
    """
    if references is not None:
        return _of_references(predictions, references, settings, rows)
    scores = by_metric(rows)
    pages = []
    for files in recorded_pages(predictions, settings.prediction_labels):
        pages.append(CasePage(files, scores_of(files.case.id, scores)))
    absent = _list_absences([page.files.pair for page in pages], rows, {page.id for page in pages})
    return FoundPages(pages, absent=absent)


def _of_references(
    predictions: Path, references: Path, settings: ReportSettings, rows: Sequence[Row]
) -> FoundPages:
    cases = find_cases(
        references,
        labels=settings.reference_labels,
        patterns=settings.patterns,
        orientation=settings.orientation,
    )
    refuse_untold(cases, references)
    by_id = {case.id: case for case in cases}
    known = {case.id: pair_of_case(case) for case in cases}
    pairs, unmatched = find_pairs(predictions, known, labels=settings.prediction_labels)
    scores = by_metric(rows)
    pages = []
    for pair in pairs:
        if pair.prediction is not None:
            turned = replace(by_id[pair.case], orientation=pair.prediction.orientation)
            files = CaseFiles(turned, pair)
            pages.append(CasePage(files, scores_of(pair.case, scores)))
    return FoundPages(pages, unmatched, _list_absences(pairs, rows, set(by_id)))


def _list_absences(pairs: Sequence[Pair], rows: Sequence[Row], references: Set[str]) -> list[str]:
    """A line for each scored case without a prediction or a reference, and one for all other absent ones."""
    scored = {row.case for row in rows}
    lines, others = [], []
    for pair in pairs:
        if pair.prediction is None and pair.case in scored:
            counts = "it is scored, and counts in every mean"
            lines.append(f"case {pair.case}: no prediction, so no page; {counts}")
        elif pair.prediction is None:
            others.append(pair.case)
    for case in sorted(scored - references):
        lines.append(f"case {case}: scored, but not among these references; no page")
    if others:
        few = ", ".join(others[:NAMED]) + (" ..." if len(others) > NAMED else "")
        lines.append(f"no prediction of {len(others)} of the references, not shown: {few}")
    return lines
