"""Write the report: one folder with a page for the cohort and one per case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from brats_seg.artifacts.evaluation_folder import EvaluationFolder, Row, by_metric
from brats_seg.cases import find_cases
from brats_seg.errors import UserError
from brats_seg.evaluation.conventions import Convention, find_convention
from brats_seg.evaluation.pairs import Pair, find_pairs, pair_of_case, refuse_untold
from brats_seg.evaluation.settings import Scoring
from brats_seg.files import write_text
from brats_seg.report.case_page import legend
from brats_seg.report.cohort_page import cohort_context
from brats_seg.report.pages import render, viewer_script
from brats_seg.report.settings import ReportSettings
from brats_seg.report.training_curves import draw_curves
from brats_seg.report.write_pages import CasePage, PageSettings, scores_of, write_pages

NAMED = 5
"""Cases without a prediction that the note about them names."""


def write_report(
    predictions: Path,
    references: Path,
    output: Path,
    settings: ReportSettings | None = None,
    *,
    evaluation: Path | None = None,
    runs: Sequence[Path] = (),
    workers: int = 1,
) -> list[str]:
    """Write ``index.html`` and ``cases/<case id>.html``.

    Args:
        predictions: Prediction folder.
        references: Case tree with the images of the predicted cases, and their truth where there is one.
        output: Report folder.
        settings: How to write it; None: as ``conf/report.yaml`` does.
        evaluation: Evaluation folder; None: no scores.
        runs: Run folders whose curves are shown.
        workers: Processes.

    Returns:
        One line per case that was to have a page and has none, and why.

    Raises:
        UserError: There is no case to show, or a folder cannot be read or contradicts another.
    """
    settings = settings or ReportSettings.default()
    rows, convention = _read_scores(evaluation, settings.convention)
    pages, unmatched, absent = _find_cases(predictions, references, settings, rows)
    common = PageSettings(
        predictions,
        output,
        settings.title,
        convention.name,
        viewer=settings.viewer and viewer_script() is not None,
    )
    shown, failures = write_pages(common, pages, workers)
    if not shown:
        raise UserError("\n".join([*failures, "no case could be shown"]))
    context = cohort_context(rows, shown, convention, notes=[*unmatched, *failures, *absent])
    write_text(output / "index.html", _render_index(common, context, runs))
    return failures


def _render_index(common: PageSettings, context: Mapping[str, Any], runs: Sequence[Path]) -> str:
    trainings = []
    for run in runs:
        trainings.append({"title": f"{run.parent.name}/{run.name}", "charts": draw_curves(run)})
    return render(
        "cohort.html",
        title=common.title,
        convention=common.convention,
        trainings=trainings,
        legend=legend(cavity="RC" in context["columns"]),
        **context,
    )


def _read_scores(evaluation: Path | None, given: str | None) -> tuple[list[Row], Convention]:
    """The scores, none without an evaluation folder, and the convention that they follow."""
    if evaluation is None:
        return [], find_convention(given or Scoring.default().convention)
    folder = EvaluationFolder(evaluation)
    return folder.read_rows(), find_convention(folder.read_convention(given))


def _find_cases(
    predictions: Path, references: Path, settings: ReportSettings, rows: Sequence[Row]
) -> tuple[list[CasePage], list[str], list[str]]:
    """The pages to write, and lines about predictions without a reference, and about cases without a page."""
    cases = find_cases(references, labels=settings.reference_labels, patterns=settings.patterns)
    refuse_untold(cases, references)
    by_id = {case.id: case for case in cases}
    known = {case.id: pair_of_case(case) for case in cases}
    pairs, unmatched = find_pairs(predictions, known, labels=settings.prediction_labels)
    scores = by_metric(rows)
    pages = []
    for pair in pairs:
        if pair.prediction is not None:
            pages.append(CasePage(by_id[pair.case], pair, scores_of(pair.case, scores)))
    return pages, unmatched, _list_absences(pairs, rows, set(by_id))


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
