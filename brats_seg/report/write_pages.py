"""Write the page of every case, linked to its neighbours. Covered by tests/report/test_report.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from brats_seg import parallel
from brats_seg.artifacts.scores import ByMetric
from brats_seg.console import followed
from brats_seg.errors import CaseError
from brats_seg.evaluation.measures import METRICS
from brats_seg.evaluation.paper import COLUMNS
from brats_seg.files import write_text
from brats_seg.report.case_context import case_context
from brats_seg.report.case_files import CaseFiles
from brats_seg.report.case_page import Still, stills
from brats_seg.report.material import read_material
from brats_seg.report.pages import render
from brats_seg.report.provenance import synthetic_line
from brats_seg.report.summary import SUMMARIES, write_summary

Scores = Mapping[str, Mapping[str, float | None]]
"""Metric to region to value."""


@dataclass(frozen=True)
class ShownCase:
    """What the page of the cohort tells of a case that has a page.

    Attributes:
        stills: Pictures of its label maps.
        record: What a JSON beside its final label map would hold: volumes, agreement, warnings.
        synthetic: The line about bundles that were trained on phantoms; None where none was.
    """

    stills: list[Still]
    record: Mapping[str, Any]
    synthetic: str | None = None


@dataclass(frozen=True)
class PageSettings:
    """What the pages of all cases have in common.

    Attributes:
        predictions: Prediction folder.
        output: Report folder.
        title: Of the report.
        convention: Name of the scoring convention.
        viewer: Whether there is the 3-D viewer.
        pdf: Whether each case gets a summary as PDF and CSV.
    """

    predictions: Path
    output: Path
    title: str
    convention: str
    viewer: bool
    pdf: bool = False


@dataclass(frozen=True)
class CasePage:
    """The page of one case.

    Attributes:
        files: Images and label maps.
        scores: Of the prediction; empty where there are none.
        before: Id of the case before; None: this is the first.
        after: Id of the case after; None: this is the last.
    """

    files: CaseFiles
    scores: Scores
    before: str | None = None
    after: str | None = None

    @property
    def id(self) -> str:
        """Of the case."""
        return self.files.case.id


def scores_of(case: str, found: ByMetric) -> Scores:
    """The scores of one case, in the order of the tables.

    Args:
        case: Its id.
        found: The scores of all cases.

    Returns:
        Metric to region to value.
    """
    scores: dict[str, dict[str, float | None]] = {}
    for metric in METRICS:
        for region, values in found.get(metric, {}).items():
            if case in values:
                scores.setdefault(metric, dict.fromkeys(COLUMNS))[region] = values[case]
    return scores


def page_file(output: Path, case_id: str) -> Path:
    """Where the page of a case is written.

    Args:
        output: Report folder.
        case_id: Of the case.
    """
    return output / "cases" / f"{case_id}.html"


def write_pages(
    settings: PageSettings, pages: Sequence[CasePage], workers: int
) -> tuple[dict[str, ShownCase], list[str]]:
    """Write the pages.

    Args:
        settings: What they have in common.
        pages: In the order of their links.
        workers: Processes.

    Returns:
        Id of each case that has a page now to what is shown of it, and one line per case that has none.

    Raises:
        UserError: A page cannot be written, or a process died.
    """
    shown: dict[str, ShownCase] = {}
    failures: dict[str, str] = {}
    linked = _link(pages)
    todo = linked
    while todo:  # a second time for the neighbours of those that could not be written
        written = parallel.each(partial(_write, settings), todo, workers)
        with followed(written, len(todo), "report: pages") as cases:
            for page, case in zip(todo, cases, strict=True):
                if isinstance(case, str):
                    failures[page.id] = case
                else:
                    shown[page.id] = case
        held = [page for page in linked if page.id in shown]
        linked = _link(held)
        todo = [page for page, before in zip(linked, held, strict=True) if page != before]
    in_order = {page.id: shown[page.id] for page in linked}
    return in_order, list(failures.values())


def _link(pages: Sequence[CasePage]) -> list[CasePage]:
    """Each with its neighbours."""
    linked = []
    for number, page in enumerate(pages):
        before = pages[number - 1].id if number > 0 else None
        after = pages[number + 1].id if number + 1 < len(pages) else None
        linked.append(replace(page, before=before, after=after))
    return linked


def _write(settings: PageSettings, page: CasePage) -> ShownCase | str:
    """Write one page; what is shown of the case, or the line that says why there is no page."""
    try:
        material = read_material(page.files, settings.predictions)
    except CaseError as error:
        return str(error)
    if settings.pdf:
        write_summary(material, settings.output / SUMMARIES)
    pictures = stills(material)
    text = render(
        "case.html",
        **_common(settings, page),
        **case_context(material, pictures, with_viewer=settings.viewer),
    )
    write_text(page_file(settings.output, page.id), text)
    of_maps = [still for still in pictures if still["title"] in material.maps]
    return ShownCase(of_maps, material.summary(), synthetic_line(material.record))


def _common(settings: PageSettings, page: CasePage) -> dict[str, Any]:
    """What the page shows that is not of the images: its place among the others, its scores."""
    return {
        "title": settings.title,
        "convention": settings.convention,
        "pdf": f"../{SUMMARIES}/{page.id}.pdf" if settings.pdf else None,
        "case": page.id,
        "before": page.before,
        "after": page.after,
        "columns": list(dict.fromkeys(chain(COLUMNS, *page.scores.values()))),
        "metrics": METRICS,
        "scores": page.scores,
    }
