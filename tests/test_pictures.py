"""Pictures show what they should, and appear whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.image import imread

from brats_seg.labels import LABEL_VALUES
from brats_seg.pictures import busiest_slice, overlay, overview, save_overview
from brats_seg.tissues import COLOURS

LABELS = LABEL_VALUES["brats2020"]


def test_slice_with_most_tumour() -> None:
    label_map = np.zeros((5, 4, 4), int)
    label_map[3, 1:3, 1:3] = 2
    label_map[1, 1, 1] = 4
    assert busiest_slice(label_map, np.ones((5, 4, 4), bool)) == 3
    brain = np.zeros((5, 4, 4), bool)
    brain[2] = True
    assert busiest_slice(None, brain) == busiest_slice(np.zeros((5, 4, 4), int), brain) == 2


def test_colours_are_the_papers() -> None:
    label_map = np.array([[0, 1, 2, 4]])
    rgb = overlay(np.zeros((1, 4)), label_map, LABELS, alpha=1.0)
    assert np.allclose(rgb[0], [(0, 0, 0), COLOURS["NCR/NET"], COLOURS["ED"], COLOURS["ET"]])


def test_overview_is_a_picture_with_every_colour(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.uniform(1, 100, (4, 6, 30, 30))
    label_map = np.zeros((6, 30, 30), int)
    label_map[2, 5:25, 5:25], label_map[2, 8:20, 8:20], label_map[2, 10:15, 10:15] = 2, 4, 1
    save_overview(tmp_path / "deep" / "case.png", image, label_map, None, LABELS, "case")
    picture = imread(tmp_path / "deep" / "case.png")
    assert picture.shape[1] > 5 * 200 and list(tmp_path.rglob(".tmp*")) == []
    red, green = (
        (picture[..., 0] - picture[..., 1] > 0.3).sum(),
        (picture[..., 1] - picture[..., 0] > 0.2).sum(),
    )
    assert red > 100 and green > 20


def test_the_legend_names_each_colour_as_the_overlay_draws_it() -> None:
    figure = overview(np.ones((4, 3, 9, 9)), np.ones((3, 9, 9), int), None, LABELS, "case")
    (legend,) = figure.legends
    told = {
        text.get_text(): patch.get_facecolor()[:3]
        for text, patch in zip(legend.get_texts(), legend.get_patches(), strict=True)
    }
    for name, value in (("NCR/NET", 1), ("ED", 2), ("ET", 4)):
        assert told[name] == tuple(overlay(np.zeros((1, 1)), np.array([[value]]), LABELS, alpha=1.0)[0, 0])
