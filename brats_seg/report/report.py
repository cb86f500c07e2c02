"""Write the report: one folder with a page for the cohort and one per case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from brats_seg.cases import Case, find_cases
from brats_seg.errors import CaseError, UserError
from brats_seg.evaluation.conventions import METRICS
from brats_seg.evaluation.conventions import convention as evaluated_as
from brats_seg.evaluation.pairs import LabelMap, Pair, find_pairs
from brats_seg.evaluation.score import Row
from brats_seg.evaluation.tables import COLUMNS, from_csv, summarise
from brats_seg.files import write_text
from brats_seg.report import cohort_page
from brats_seg.report.layers import centre, legend, stills, viewer_layers
from brats_seg.report.material import read_material
from brats_seg.report.pages import render, viewer_script
from brats_seg.report.runs import curves

Scores = Mapping[str, Mapping[str, float | None]]
"""Metric to region to value."""


@dataclass(frozen=True)
class Told:
    """What the pages of all cases have in common."""

    predictions: Path
    output: Path
    title: str
    convention: str
    viewer: bool


def report(
    predictions: Path,
    references: Path,
    output: Path,
    *,
    evaluation: Path | None,
    convention: str,
    title: str,
    labels: str | None = None,
    runs: Sequence[Path] = (),
    viewer: bool = True,
    workers: int = 1,
) -> list[str]:
    """Write ``index.html`` and ``cases/<case id>.html``.

    Args:
        predictions: Prediction folder.
        references: Case tree with the images of the predicted cases, and their truth where there is one.
        output: Report folder.
        evaluation: Evaluation folder with ``per_case.csv``; None: no scores.
        convention: That the scores follow.
        title: Of the report.
        labels: Label convention of the predictions; None: as the JSON beside each says.
        runs: Run folders whose curves are shown.
        viewer: The 3-D viewer in the page of each case, where it is installed.
        workers: Processes.

    Returns:
        One line per case that has no page, and why.

    Raises:
        UserError: There is no case to show, or something that was given cannot be read.
    """
    evaluated_as(convention)
    cases = {case.id: case for case in find_cases(references)}
    pairs, notes = find_pairs(predictions, {case: _pair(cases[case]) for case in cases}, labels=labels)
    pairs = [pair for pair in pairs if pair.prediction is not None]
    rows = _rows(evaluation)
    told = Told(predictions, output, title, convention, viewer and viewer_script() is not None)
    neighbours = [None, *(pair.case for pair in pairs), None]
    jobs = [
        (cases[pair.case], pair, _scores(rows, pair.case), (neighbours[i], neighbours[i + 2])) for i, pair in enumerate(pairs)
    ]
    written = list(_each(jobs, partial(_write, told), workers))
    failures = [page for page in written if isinstance(page, str)]
    shown = {pair.case: page for pair, page in zip(pairs, written, strict=True) if not isinstance(page, str)}
    if not shown:
        raise UserError("\n".join([*failures, "no case could be shown"]))
    trainings = [{"title": f"{run.parent.name}/{run.name}", "charts": curves(run)} for run in runs]
    page = cohort_page.context(rows, shown, notes=[*notes, *failures])
    text = render("cohort.html", title=title, convention=convention, trainings=trainings, legend=legend(), **page)
    write_text(output / "index.html", text)
    return failures


def _pair(case: Case) -> Pair:
    # Without a truth the path stands for none and is never read.
    return Pair(case.id, None, LabelMap(case.segmentation or Path(), str(case.convention or "brats2020")))


def _rows(evaluation: Path | None) -> list[Row]:
    if evaluation is None:
        return []
    try:
        return from_csv((evaluation / "per_case.csv").read_text(encoding="utf-8"))
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{evaluation}: expected an evaluation folder with per_case.csv ({error})") from error


def _scores(rows: Sequence[Row], case: str) -> Scores:
    own = [summary for summary in summarise([row for row in rows if row.case == case]) if summary.metric in METRICS]
    return {metric: {s.region: s.mean for s in own if s.metric == metric} for metric in dict.fromkeys(s.metric for s in own)}


Still = dict[str, Any]
Job = tuple[Case, Pair, Scores, tuple[str | None, str | None]]


def _write(told: Told, job: Job) -> list[Still] | str:
    """Write one page; the pictures of its label maps, or the line that says why there is no page."""
    case, pair, scores, (before, after) = job
    try:
        material = read_material(replace(case, convention=case.convention or "brats2020"), pair, told.predictions)
    except CaseError as error:
        return str(error)
    pictures = stills(material)
    page = render(
        "case.html",
        title=told.title, convention=told.convention, case=case.id, before=before, after=after, columns=COLUMNS, metrics=METRICS,
        scores=scores, volumes=material.volumes_ml(), record=material.record, stills=pictures, legend=legend(),
        centre=centre(material), layers=viewer_layers(material) if told.viewer else [],
        viewer=viewer_script() if told.viewer else None,
    )  # fmt: skip
    write_text(told.output / "cases" / f"{case.id}.html", page)
    return [still for still in pictures if still["title"] in material.maps]


def _each(jobs: Sequence[Job], work: partial[list[Still] | str], workers: int) -> Iterator[list[Still] | str]:
    if workers < 2 or len(jobs) < 2:
        yield from map(work, jobs)
        return
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, jobs)
