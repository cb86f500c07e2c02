"""Write the report: one folder with a page for the cohort and one per case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from brats_seg.artifacts.evaluation_folder import EvaluationFolder, Row
from brats_seg.cases import Case, find_cases
from brats_seg.errors import CaseError, UserError
from brats_seg.evaluation.conventions import METRICS
from brats_seg.evaluation.conventions import convention as evaluated_as
from brats_seg.evaluation.pairs import LabelMap, Pair, find_pairs, refuse_untold
from brats_seg.evaluation.tables import COLUMNS, summarise
from brats_seg.files import write_text
from brats_seg.report import cohort_page
from brats_seg.report.case_page import Still, centre, close_ups, legend, stills, viewer_layers
from brats_seg.report.material import read_material
from brats_seg.report.pages import render, viewer_script
from brats_seg.report.training_curves import curves

Scores = Mapping[str, Mapping[str, float | None]]
"""Metric to region to value."""
Neighbours = tuple[str | None, str | None]
"""The cases before and after."""
Job = tuple[Case, Pair, Scores]
UNUSED = "brats2020"
"""Label convention of a case without a truth."""


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
    title: str,
    convention: str | None = None,
    labels: str | None = None,
    reference_labels: str | None = None,
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
        title: Of the report.
        convention: That the scores follow; None: as the evaluation folder says.
        labels: Label convention of the predictions; None: as the JSON beside each says.
        reference_labels: Label convention of the truth; None: as the naming says.
        runs: Run folders whose curves are shown.
        viewer: The 3-D viewer in the page of each case, where it is installed.
        workers: Processes.

    Returns:
        One line per case that was to have a page and has none, and why.

    Raises:
        UserError: There is no case to show, or something that was given cannot be read or contradicts another.
    """
    rows = [] if evaluation is None else EvaluationFolder(evaluation).read_rows()
    if evaluation is not None:
        convention = EvaluationFolder(evaluation).convention(convention)
    scored_as = evaluated_as(convention or "brats2020")
    cases = {case.id: case for case in find_cases(references, labels=reference_labels)}
    refuse_untold(cases.values(), references)
    pairs, strangers = find_pairs(predictions, {case: _pair(cases[case]) for case in cases}, labels=labels)
    told = Told(predictions, output, title, scored_as.name, viewer and viewer_script() is not None)
    jobs = [
        (cases[pair.case], pair, _scores(rows, pair.case)) for pair in pairs if pair.prediction is not None
    ]
    shown, failures = _pages(told, jobs, workers)
    if not shown:
        raise UserError("\n".join([*failures, "no case could be shown"]))
    trainings = [{"title": f"{run.parent.name}/{run.name}", "charts": curves(run)} for run in runs]
    absent = [pair.case for pair in pairs if pair.prediction is None]
    notes = [
        *strangers,
        *failures,
        *_absences(absent, {row.case for row in rows} - set(cases), {row.case for row in rows}),
    ]
    page = cohort_page.context(rows, shown, scored_as, notes=notes)
    text = render(
        "cohort.html", title=title, convention=scored_as.name, trainings=trainings, legend=legend(), **page
    )
    write_text(output / "index.html", text)
    return failures


def _pages(told: Told, jobs: Sequence[Job], workers: int) -> tuple[dict[str, list[Still]], list[str]]:
    """Write the pages: the pictures of those that there are, and a line for each that there is not."""
    shown: dict[str, list[Still]] = {}
    failures: dict[str, str] = {}
    beside = _beside([case.id for case, *_ in jobs])
    todo = [(*job, beside[job[0].id]) for job in jobs]
    while todo:  # a second time for the neighbours of those that could not be written
        for (case, *_), page in zip(todo, _each(todo, partial(_write, told), workers), strict=True):
            if isinstance(page, str):
                failures[case.id] = page
            else:
                shown[case.id] = page
        before, beside = beside, _beside([case.id for case, *_ in jobs if case.id in shown])
        todo = [
            (*job, beside[job[0].id])
            for job in jobs
            if job[0].id in shown and beside[job[0].id] != before[job[0].id]
        ]
    return {case.id: shown[case.id] for case, *_ in jobs if case.id in shown}, list(failures.values())


def _beside(cases: Sequence[str]) -> dict[str, Neighbours]:
    around = [None, *cases, None]
    return {case: (around[i], around[i + 2]) for i, case in enumerate(cases)}


def _absences(absent: Sequence[str], strange: Set[str], scored: Set[str]) -> list[str]:
    """A line for each case that was scored without a prediction or a reference that could be shown, one for all that were not."""
    lines = [
        f"case {case}: no prediction, so no page; it is scored, and counts in every mean"
        for case in absent
        if case in scored
    ]
    lines += [f"case {case}: scored, but not among these references; no page" for case in sorted(strange)]
    others = [case for case in absent if case not in scored]
    few = ", ".join(others[:5]) + (" ..." if len(others) > 5 else "")
    return [
        *lines,
        *([f"no prediction of {len(others)} of the references, not shown: {few}"] if others else []),
    ]


def _pair(case: Case) -> Pair:
    # Without a truth the path stands for none and is never read.
    return Pair(case.id, None, LabelMap(case.segmentation or Path(), case.labels or UNUSED))


def _scores(rows: Sequence[Row], case: str) -> Scores:
    own = [
        summary
        for summary in summarise([row for row in rows if row.case == case])
        if summary.metric in METRICS
    ]
    return {
        metric: {s.region: s.mean for s in own if s.metric == metric}
        for metric in dict.fromkeys(s.metric for s in own)
    }


def _write(told: Told, job: tuple[Case, Pair, Scores, Neighbours]) -> list[Still] | str:
    """Write one page; the pictures of its label maps, or the line that says why there is no page."""
    case, pair, scores, (before, after) = job
    try:
        material = read_material(replace(case, labels=case.labels or UNUSED), pair, told.predictions)
    except CaseError as error:
        return str(error)
    pictures = stills(material)
    page = render(
        "case.html",
        title=told.title, convention=told.convention, case=case.id, before=before, after=after, columns=COLUMNS, metrics=METRICS,
        scores=scores, volumes=material.volumes_ml(), record=material.record, stills=pictures, close_ups=close_ups(material),
        legend=legend(),
        centre=centre(material), layers=viewer_layers(material) if told.viewer else [],
        viewer=viewer_script() if told.viewer else None,
    )  # fmt: skip
    write_text(told.output / "cases" / f"{case.id}.html", page)
    return [still for still in pictures if still["title"] in material.maps]


def _each(jobs: Sequence[Any], work: partial[list[Still] | str], workers: int) -> Iterator[list[Still] | str]:
    if workers < 2 or len(jobs) < 2:
        yield from map(work, jobs)
        return
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, jobs)
