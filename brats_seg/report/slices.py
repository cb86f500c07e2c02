"""Slices of one case as pictures with the patient's sides and the slice's number written on them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product, starmap

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from brats_seg.geometry import Triple
from brats_seg.labels import LabelValues
from brats_seg.pictures import overlay
from brats_seg.report.heat import warm
from brats_seg.tissues import PALETTES

LEAST_WIDTH = 320
"""Least width in pixels, so that the labels fit."""
PLANES = (("axial", "R", "L"), ("coronal", "R", "L"), ("sagittal", "A", "P"))
"""By the axis that is cut: name, and the side on the left and on the right of the picture."""
OPACITY = 0.85
"""Of the fills of a label map: dark tissue below must not look like another tissue."""


@dataclass(frozen=True)
class Cut:
    """Which slices are shown.

    Attributes:
        centre: Voxel ``(z, y, x)`` that they go through.
        axes: 0 axial, 1 coronal, 2 sagittal.
        origin: Of the arrays in the whole volume, which the numbers count in, from 0.
    """

    centre: Triple
    axes: tuple[int, ...] = (0, 1, 2)
    origin: Triple = (0, 0, 0)


@dataclass(frozen=True)
class Style:
    """How a label map is drawn.

    Attributes:
        palette: Key of :data:`brats_seg.tissues.PALETTES`.
        outlined: Outlines instead of fills.
    """

    palette: str = "paper"
    outlined: bool = False

    @property
    def name(self) -> str:
        """Such as ``paper-fill``."""
        return f"{self.palette}-{'outline' if self.outlined else 'fill'}"


STYLES = tuple(starmap(Style, product(PALETTES, (False, True))))
"""Every way a label map is drawn."""


def draw_strip(
    grey: NDArray[np.floating],
    cut: Cut,
    labels: LabelValues,
    *,
    label_map: NDArray[np.integer] | None = None,
    style: Style = STYLES[0],
    heat: NDArray[np.integer] | None = None,
) -> NDArray[np.uint8]:
    """Slices through a voxel, one below the other, each with its sides and number; voxels are enlarged.

    Args:
        grey: ``(z, y, x)`` in [0, 1], LPS. Shown with anterior or superior up, the patient's right or front
            on the left.
        cut: Which slices.
        labels: What the values of the label map mean.
        label_map: Same shape, or None for the grey alone.
        style: How the label map is drawn.
        heat: Same shape, 0 to 100, shown instead of a label map: dark red to white.

    Returns:
        RGB ``(y, x, 3)``.
    """
    width = max(grey.shape[2 if axis < 2 else 1] for axis in cut.axes)
    scale = max(2, round(LEAST_WIDTH / width))
    panels = []
    for axis in cut.axes:
        place = cut.centre[axis]
        flat = np.take(grey, place, axis)
        tissue = np.zeros(flat.shape, np.uint8) if label_map is None else np.take(label_map, place, axis)
        rgb = overlay(flat, tissue, labels, OPACITY, palette=style.palette, outlined=style.outlined)
        if heat is not None:
            rgb = _warm(rgb, np.take(heat, place, axis))
        panel = _enlarge(_upright(rgb, axis), width, scale)
        panels.append(_mark(panel, axis, place + cut.origin[axis]))
    return np.concatenate(panels)


def _upright(rgb: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Axial slices lie so already; the others have their feet up."""
    return rgb if axis == 0 else rgb[::-1]


def _enlarge(rgb: NDArray[np.float64], width: int, scale: int) -> NDArray[np.uint8]:
    """Centred in so many voxels, each of ``scale`` pixels."""
    spare = width - rgb.shape[1]
    padded = np.pad(rgb, ((0, 0), (spare // 2, spare - spare // 2), (0, 0)))
    return (padded * 255).round().astype(np.uint8).repeat(scale, 0).repeat(scale, 1)


def _warm(rgb: NDArray[np.float64], heat: NDArray[np.integer]) -> NDArray[np.float64]:
    return np.where((heat > 0)[..., None], 0.3 * rgb + 0.7 * warm(heat), rgb)


def _mark(rgb: NDArray[np.uint8], axis: int, number: int) -> NDArray[np.uint8]:
    """Write the sides and the number of the slice."""
    name, left, right = PLANES[axis]
    height, width = rgb.shape[:2]
    size = max(11, width // 16)
    picture = Image.fromarray(rgb)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    near, far = size // 3, width - size // 3
    texts = (
        ((near, height // 2), "lm", left),
        ((far, height // 2), "rm", right),
        ((near, height - near), "ls", f"{name} {number}"),
    )
    for place, anchor, text in texts:
        draw.text(place, text, fill="white", font=font, anchor=anchor, stroke_width=2, stroke_fill="black")
    return np.asarray(picture)
