"""Write the report: one folder with a page for the cohort and one per case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from brats_seg import parallel
from brats_seg.artifacts.evaluation_folder import EvaluationFolder
from brats_seg.artifacts.prediction_tables import is_volumes_csv, volumes_csv
from brats_seg.artifacts.scores import Row
from brats_seg.cases.own_naming import PATIENT
from brats_seg.errors import UserError
from brats_seg.evaluation.conventions import Convention, find_convention
from brats_seg.evaluation.settings import Scoring
from brats_seg.files import refuse_foreign, says, write_text
from brats_seg.report.case_page import legend
from brats_seg.report.cohort_page import cohort_context
from brats_seg.report.find_pages import find_pages
from brats_seg.report.growth import FollowUp, find_follow_ups, growth_csv, is_growth_csv
from brats_seg.report.growth_pictures import growth_stills
from brats_seg.report.pages import render, viewer_script
from brats_seg.report.settings import ReportSettings
from brats_seg.report.summary import SUMMARIES, summary_files
from brats_seg.report.training_curves import draw_curves
from brats_seg.report.write_pages import PageSettings, page_file, write_pages


def write_report(
    predictions: Path,
    references: Path | None,
    output: Path,
    settings: ReportSettings | None = None,
    *,
    evaluation: Path | None = None,
    runs: Sequence[Path] = (),
    workers: int = 1,
) -> list[str]:
    """Write ``index.html``, ``volumes.csv``, ``cases/<case id>.html`` and, on request, ``summaries/``.

    Where a patient has more than one visit, ``growth.csv`` and a section of the index tell what has grown.

    Args:
        predictions: Prediction folder.
        references: Case tree with the images of the predicted cases, and their truth where there is one;
            None: the images are those that the JSON beside each prediction names.
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
    found = find_pages(predictions, references, settings, rows)
    _refuse_foreign(output, [page.id for page in found.pages], settings)
    common = PageSettings(
        predictions,
        output,
        settings.title,
        convention.name,
        viewer=settings.viewer and viewer_script() is not None,
        pdf=settings.pdf,
    )
    shown, failures = write_pages(common, found.pages, workers)
    if not shown:
        raise UserError("\n".join([*failures, "no case could be shown"]))
    follow_ups = find_follow_ups(found.pages, shown, settings.patterns.get(PATIENT))
    context = cohort_context(rows, shown, convention, notes=[*found.unmatched, *failures, *found.absent])
    write_text(output / "volumes.csv", volumes_csv({case_id: case.record for case_id, case in shown.items()}))
    context["growth"] = _show_growth(predictions, follow_ups, workers)
    if follow_ups:
        write_text(output / "growth.csv", growth_csv(follow_ups))
    context["synthetic"] = next(filter(None, (case.synthetic for case in shown.values())), None)
    write_text(output / "index.html", _render_index(common, context, runs))
    return failures


def _show_growth(predictions: Path, follow_ups: Sequence[FollowUp], workers: int) -> list[dict[str, Any]]:
    """What the index shows of each later visit."""
    drawn = parallel.each(partial(growth_stills, predictions), follow_ups, workers)
    found = []
    for follow_up, stills in zip(follow_ups, drawn, strict=True):
        why = stills if isinstance(stills, str) else None
        found.append({"visit": follow_up, "stills": [] if why else stills, "note": why})
    return found


def _refuse_foreign(output: Path, cases: Sequence[str], settings: ReportSettings) -> None:
    pages = [output / "index.html", *(page_file(output, case_id) for case_id in cases)]
    outputs = {page: says('<html lang="en" data-palette="paper"') for page in pages}
    outputs[output / "volumes.csv"] = is_volumes_csv
    outputs[output / "growth.csv"] = is_growth_csv
    for case_id in cases if settings.pdf else ():
        outputs |= summary_files(output / SUMMARIES, case_id)
    refuse_foreign(outputs, overwrite=settings.overwrite)


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
