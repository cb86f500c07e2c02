"""Slices say where they lie, and show what they should."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageDraw

from brats_seg.labels import LABEL_VALUES
from brats_seg.pictures import centre_of_interest
from brats_seg.report.case_page import largest, legend
from brats_seg.report.slices import LEAST_WIDTH, Cut, Style, draw_strip

LABELS = LABEL_VALUES["brats2020"]
SHAPE = (60, 80, 100)


def is_red(rgb: np.ndarray) -> np.ndarray:
    return (rgb[..., 0] > 60) & (rgb[..., 0] // 2 > rgb[..., 1])


def test_three_slices_and_outlines_leave_the_inside_free() -> None:
    grey, label_map = np.zeros(SHAPE), np.zeros(SHAPE, np.uint8)
    label_map[20:40, 20:60, 30:60] = 4
    centre = centre_of_interest(label_map, grey == 0)
    assert all(
        label_map.any(tuple(a for a in range(3) if a != axis))[place] for axis, place in enumerate(centre)
    )
    scale = round(LEAST_WIDTH / 100)
    filled, outlined = (
        draw_strip(grey, Cut(centre), LABELS, label_map=label_map, style=Style(outlined=o))
        for o in (False, True)
    )
    assert filled.shape == (scale * (80 + 60 + 60), scale * 100, 3)
    areas = [is_red(rgb).sum() / scale**2 for rgb in (filled, outlined)]
    assert areas == [40 * 30 + 20 * 30 + 20 * 40, 2 * (40 + 30 + 20 + 30 + 20 + 40) - 12]


def test_sides_and_numbers_are_written() -> None:
    grey = np.zeros(SHAPE)
    one, other = (draw_strip(grey, Cut((30, 40, 50), origin=(n, 0, 0)), LABELS) for n in (0, 7))
    scale = round(LEAST_WIDTH / 100)
    for rgb in (one, other):
        middle = rgb[: 80 * scale, :, 0]
        assert middle[:, : 8 * scale].any() and middle[:, -8 * scale :].any()  # R and L
        assert not rgb[: 10 * scale].any()
    changed = (one != other).any((1, 2))
    assert (
        changed[: 80 * scale].any() and not changed[80 * scale :].any()
    )  # the number of the axial slice alone


def test_the_patients_right_and_front_are_on_the_left_and_so_named(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, float]] = []
    text = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda self, place, words, **how: [
            written.append((words, place[0])),
            text(self, place, words, **how),
        ],
    )
    grey = np.zeros(SHAPE)
    grey[:, :10, :10] = 1  # in LPS the first voxels are right, and in front
    rgb = draw_strip(grey, Cut((30, 5, 5)), LABELS)
    sides = [(words, place < rgb.shape[1] / 2) for words, place in written if len(words) == 1]
    assert sides == [("R", True), ("L", False), ("R", True), ("L", False), ("A", True), ("P", False)]
    _, columns = np.nonzero(rgb[::7, ::7, 0] == 255)
    assert columns.size and columns.mean() * 7 < rgb.shape[1] / 2


def test_heat_shows_where_it_is_unsure() -> None:
    grey, heat = np.full(SHAPE, 0.5), np.zeros(SHAPE, np.uint8)
    heat[:, :40], heat[:, :20] = 20, 100
    rgb = draw_strip(grey, Cut((30, 40, 50), axes=(0,)), LABELS, heat=heat).astype(int)
    scale = round(LEAST_WIDTH / 100)
    sure, some, unsure = (rgb[row * scale, 50 * scale] for row in (70, 30, 10))
    assert len(set(sure)) == 1 and some.sum() < unsure.sum() and some[0] > some[1]


def test_a_close_up_is_of_the_largest_lesion_whatever_lies_far_away() -> None:
    slice_of = np.zeros((80, 100), bool)
    slice_of[20:40, 30:60] = True
    slice_of[40, 60] = True  # joined by a corner
    slice_of[75:78, 95] = True
    assert largest(slice_of) == (slice(20, 41), slice(30, 61))


def test_the_legend_names_each_tissue_in_the_colours_that_are_drawn() -> None:
    """Figures 1, 3 and 4 of the paper: necrosis green, oedema yellow, enhancing tumour red."""
    green, yellow, red, blue = [51, 161, 43], [255, 217, 26], [227, 26, 28], [51, 178, 230]
    expected = [
        ("NCR/NET", "necrosis and non-enhancing tumour", 1, green, [0, 114, 178]),
        ("ED", "oedema", 2, yellow, [240, 228, 66]),
        ("ET", "enhancing tumour", 3, red, [213, 94, 0]),
        ("RC", "resection cavity", 4, blue, [204, 121, 167]),
    ]
    keys = ("name", "meaning", "value", "paper", "safe")
    assert legend(cavity=True) == [dict(zip(keys, entry, strict=True)) for entry in expected]
    assert legend(cavity=False) == legend(cavity=True)[:3]
