"""Write the page of every case, linked to its neighbours. Covered by tests/report/test_report.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from brats_seg import parallel
from brats_seg.artifacts.evaluation_folder import ByMetric
from brats_seg.cases import Case
from brats_seg.errors import CaseError
from brats_seg.evaluation.measures import METRICS
from brats_seg.evaluation.pairs import Pair
from brats_seg.evaluation.paper import COLUMNS
from brats_seg.files import write_text
from brats_seg.report.case_page import Still, centre, close_ups, legend, stills, viewer_layers
from brats_seg.report.material import read_material
from brats_seg.report.pages import render, viewer_script

Scores = Mapping[str, Mapping[str, float | None]]
"""Metric to region to value."""
Pictures = dict[str, list[Still]]
"""Case id to the pictures of its label maps."""


@dataclass(frozen=True)
class PageSettings:
    """What the pages of all cases have in common.

    Attributes:
        predictions: Prediction folder.
        output: Report folder.
        title: Of the report.
        convention: Name of the scoring convention.
        viewer: Whether there is the 3-D viewer.
    """

    predictions: Path
    output: Path
    title: str
    convention: str
    viewer: bool


@dataclass(frozen=True)
class CasePage:
    """The page of one case.

    Attributes:
        case: Images and truth.
        pair: Label maps.
        scores: Of the prediction; empty where there are none.
        before: Id of the case before; None: this is the first.
        after: Id of the case after; None: this is the last.
    """

    case: Case
    pair: Pair
    scores: Scores
    before: str | None = None
    after: str | None = None


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


def write_pages(
    settings: PageSettings, pages: Sequence[CasePage], workers: int
) -> tuple[Pictures, list[str]]:
    """Write the pages.

    Args:
        settings: What they have in common.
        pages: In the order of their links.
        workers: Processes.

    Returns:
        The pictures of each case that has a page now, and one line per case that has none.

    Raises:
        UserError: A page cannot be written, or a process died.
    """
    shown: Pictures = {}
    failures: dict[str, str] = {}
    linked = _link(pages)
    todo = linked
    while todo:  # a second time for the neighbours of those that could not be written
        for page, pictures in zip(todo, parallel.each(partial(_write, settings), todo, workers), strict=True):
            if isinstance(pictures, str):
                failures[page.case.id] = pictures
            else:
                shown[page.case.id] = pictures
        held = [page for page in linked if page.case.id in shown]
        linked = _link(held)
        todo = [page for page, before in zip(linked, held, strict=True) if page != before]
    in_order = {page.case.id: shown[page.case.id] for page in linked}
    return in_order, list(failures.values())


def _link(pages: Sequence[CasePage]) -> list[CasePage]:
    """Each with its neighbours."""
    linked = []
    for number, page in enumerate(pages):
        before = pages[number - 1].case.id if number > 0 else None
        after = pages[number + 1].case.id if number + 1 < len(pages) else None
        linked.append(replace(page, before=before, after=after))
    return linked


def _write(settings: PageSettings, page: CasePage) -> list[Still] | str:
    """Write one page; the pictures of its label maps, or the line that says why there is no page."""
    try:
        material = read_material(page.case, page.pair, settings.predictions)
    except CaseError as error:
        return str(error)
    pictures = stills(material)
    text = render(
        "case.html",
        title=settings.title,
        convention=settings.convention,
        case=page.case.id,
        before=page.before,
        after=page.after,
        columns=list(dict.fromkeys(chain(COLUMNS, *page.scores.values()))),
        metrics=METRICS,
        scores=page.scores,
        volumes=material.volumes_ml(),
        record=material.record,
        stills=pictures,
        close_ups=close_ups(material),
        legend=legend(cavity=material.cavity),
        centre=centre(material),
        layers=viewer_layers(material) if settings.viewer else [],
        viewer=viewer_script() if settings.viewer else None,
    )
    write_text(settings.output / "cases" / f"{page.case.id}.html", text)
    return [still for still in pictures if still["title"] in material.maps]
