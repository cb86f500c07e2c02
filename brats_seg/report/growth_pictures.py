"""The first visit's outlines over a later visit's slices. Covered by tests/report/test_growth.py."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from pathlib import Path

from brats_seg import nifti
from brats_seg.errors import CaseError
from brats_seg.figures import png
from brats_seg.geometry import Box
from brats_seg.pictures import centre_of_interest
from brats_seg.report.case_page import Still
from brats_seg.report.growth import FollowUp
from brats_seg.report.material import Material, read_material
from brats_seg.report.shown import SHOWN
from brats_seg.report.slices import Cut, Style, draw_strip
from brats_seg.tissues import PALETTES


def growth_stills(predictions: Path, follow_up: FollowUp) -> list[Still] | str:
    """Both visits on the same slices, and the outlines of the first over the later one.

    Args:
        predictions: Prediction folder.
        follow_up: Both visits.

    Returns:
        The pictures, or why there are none.
    """
    try:
        first = read_material(follow_up.first.files, predictions)
        later = read_material(follow_up.later.files, predictions)
    except CaseError as error:
        return str(error)
    if not nifti.same_space(first.geometry, later.geometry):
        return "no pictures: both visits do not lie on one grid; `brats-seg align` brings them there"
    return _draw(first, later)


def _draw(first: Material, later: Material) -> list[Still]:
    box = _around(first.brain, later.brain)
    before, now = first.final[box.slices], later.final[box.slices]
    grey_before, grey_now = (each.under[box.slices] / 255 for each in (first, later))
    either = (before != 0) | (now != 0)
    cut = Cut(centre_of_interest(either, (grey_before > 0) | (grey_now > 0)), origin=box.start)
    rows = (
        ("First visit, its own outlines", grey_before, before),
        ("Later visit, outlines of the first", grey_now, before),
        ("Later visit, its own outlines", grey_now, now),
    )
    stills = []
    for title, grey, label_map in rows:
        still: Still = {"title": title}
        draw = partial(draw_strip, grey, cut, SHOWN, label_map=label_map)
        for palette in PALETTES:
            rgb = draw(style=Style(palette, outlined=True))
            still[palette] = b64encode(png(rgb)).decode()
        stills.append(still)
    return stills


def _around(one: Box, other: Box) -> Box:
    """The smallest box around both."""
    low = [min(pair) for pair in zip(one.start, other.start, strict=True)]
    high = [max(pair) for pair in zip(one.stop, other.stop, strict=True)]
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
