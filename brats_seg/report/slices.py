"""Slices of one case as pictures that say where they lie: which side is the patient's right, and which slice it is."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from brats_seg.geometry import Triple
from brats_seg.labels import LabelValues
from brats_seg.pictures import overlay

LEAST_WIDTH = 320
"""Pixels; letters want room, however small the volume is."""
PLANES = (("axial", "R", "L"), ("coronal", "R", "L"), ("sagittal", "A", "P"))
"""By the axis that is cut: name, and which side is on the left and on the right."""


def strip(
    grey: NDArray[np.floating],
    label_map: NDArray[np.integer] | None,
    centre: Triple,
    labels: LabelValues,
    *,
    palette: str = "paper",
    outlined: bool = False,
    heat: NDArray[np.integer] | None = None,
    axes: Sequence[int] = (0, 1, 2),
    origin: Triple = (0, 0, 0),
) -> NDArray[np.uint8]:
    """Slices through a voxel, one below the other, RGB, each with its sides and its number; voxels are 2 pixels or more.

    Args:
        grey: ``(z, y, x)`` in [0, 1], LPS. Shown with anterior or superior up, the patient's right or front on the left.
        label_map: Same shape, or None for the grey alone.
        centre: ``(z, y, x)``.
        labels: Convention of the label map.
        palette: Key of :data:`brats_seg.pictures.PALETTES`.
        outlined: Outlines instead of fills.
        heat: Same shape, 0 to 100, shown instead of a label map: dark red to white.
        axes: Which slices: 0 axial, 1 coronal, 2 sagittal.
        origin: Of these arrays in the whole volume, which the numbers count in, from 0.
    """
    width = max(grey.shape[2 if axis < 2 else 1] for axis in axes)
    scale = max(2, round(LEAST_WIDTH / width))
    panels = []
    for axis in axes:
        flat = np.take(grey, centre[axis], axis)
        tissue = (
            np.zeros(flat.shape, np.uint8) if label_map is None else np.take(label_map, centre[axis], axis)
        )
        rgb = overlay(flat, tissue, labels, 0.65, palette=palette, outlined=outlined)
        rgb = rgb if heat is None else _warm(rgb, np.take(heat, centre[axis], axis))
        spare = width - rgb.shape[1]
        padded = np.pad(rgb[:: 1 if axis == 0 else -1], ((0, 0), (spare // 2, spare - spare // 2), (0, 0)))
        large = (padded * 255).round().astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
        panels.append(_marked(large, axis, centre[axis] + origin[axis]))
    return np.concatenate(panels)


def _warm(rgb: NDArray[np.float64], heat: NDArray[np.integer]) -> NDArray[np.float64]:
    colours = matplotlib.colormaps["inferno"](np.clip(heat / 100, 0, 1) * 0.7 + 0.3)[..., :3]
    return np.where((heat > 0)[..., None], 0.3 * rgb + 0.7 * colours, rgb)


def _marked(rgb: NDArray[np.uint8], axis: int, number: int) -> NDArray[np.uint8]:
    name, left, right = PLANES[axis]
    height, width = rgb.shape[:2]
    size = max(11, width // 16)
    picture = Image.fromarray(rgb)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    near, far = size // 3, width - size // 3
    for place, anchor, text in (
        ((near, height // 2), "lm", left), ((far, height // 2), "rm", right), ((near, height - near), "ls", f"{name} {number}"),
    ):  # fmt: skip
        draw.text(place, text, fill="white", font=font, anchor=anchor, stroke_width=2, stroke_fill="black")
    return np.asarray(picture)
