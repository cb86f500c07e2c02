"""Pictures of one case as text that a page can hold. Covered by tests/report/test_report.py."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from brats_seg.figures import png
from brats_seg.geometry import Box
from brats_seg.pictures import centre_of_interest, window
from brats_seg.report.material import Material
from brats_seg.report.shown import SHOWN
from brats_seg.report.slices import STYLES, Cut, draw_strip
from brats_seg.tissues import MEANINGS, PALETTES, as_bytes, tissues

MARGIN = 12
"""Voxels around the tumour in a close-up."""
Still = dict[str, Any]
"""Its title, and PNG in base64 by style; ``all`` where there is one for every style."""


def stills(material: Material) -> list[Still]:
    """Three slices of every layer as PNG in base64; of a label map one per style."""
    return _draw(material, material.brain, (0, 1, 2))


def close_ups(material: Material) -> list[Still]:
    """As :func:`stills`, the largest lesion of the axial slice alone; none where there is no tumour."""
    guide, inside = material.guide
    if not guide.any():
        return []
    brain = material.brain
    lesion_y, lesion_x = largest(guide[centre_of_interest(guide, inside)[0]] != 0)
    side = max(lesion_y.stop - lesion_y.start, lesion_x.stop - lesion_x.start) + 2 * MARGIN
    _, height, width = brain.shape
    y, x = _within(lesion_y, side, height), _within(lesion_x, side, width)
    z0, y0, x0 = brain.start
    box = Box((z0, y0 + y.start, x0 + x.start), (brain.stop[0], y0 + y.stop, x0 + x.stop))
    return _draw(material, box, (0,))


def native_stills(material: Material) -> list[Still]:
    """As :func:`stills`, the final label map over the T1ce in the scanner's own space, where there is one."""
    if material.native is None:
        return []
    image, label_map = material.native.image, material.native.label_map
    head = image != 0
    grey = window(image, head)
    spacing_mm = material.native.geometry.spacing_mm
    cut = Cut(centre_of_interest(label_map, head), (_thickest(spacing_mm),))
    still: Still = {"title": "Final label map"}
    for style in STYLES:
        still[style.name] = _base64(draw_strip(grey, cut, SHOWN, label_map=label_map, style=style))
    return [{"title": "T1ce", "all": _base64(draw_strip(grey, cut, SHOWN))}, still]


def _thickest(spacing_mm: tuple[float, float, float]) -> int:
    """The axis across the scanner's slices: its planes are shown, whose voxels are nearly square."""
    return max(range(3), key=lambda axis: spacing_mm[axis])


def largest(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Where the largest component of ``(y, x)`` lies; a speck far away would make any frame useless."""
    components, _ = label(mask, structure=np.ones((3, 3)))
    return find_objects(components)[np.bincount(components.flat)[1:].argmax()]  # type: ignore[no-any-return]


def legend(*, cavity: bool) -> list[dict[str, Any]]:
    """Tissue, its value in the viewer's volumes, and its colour in each palette as 0 to 255.

    Args:
        cavity: Whether there is a resection cavity to be explained.

    Returns:
        One entry per tissue.
    """
    found = []
    for name, value in sorted(tissues(SHOWN).items(), key=lambda item: item[1]):
        if name == "RC" and not cavity:
            continue
        colours = {}
        for palette, rgb in PALETTES.items():
            colours[palette] = as_bytes(rgb[name])
        found.append({"name": name, "meaning": MEANINGS[name], "value": value, **colours})
    return found


def _within(lesion: slice, side: int, of: int) -> slice:
    """As long as ``side`` about the middle of the lesion, but not beyond the ends, 0 and ``of``."""
    start = (lesion.start + lesion.stop - side) // 2
    start = min(max(start, 0), max(of - side, 0))
    return slice(start, min(start + side, of))


def _draw(material: Material, box: Box, axes: tuple[int, ...]) -> list[Still]:
    """Slices of every layer, cropped to a box inside that of the brain."""
    cut = Cut(_centre_in(material, box), axes, box.start)
    found: list[Still] = []
    for title, grey in material.greys.items():
        found.append({"title": title, "all": _base64(draw_strip(grey[box.slices] / 255, cut, SHOWN))})
    draw = partial(draw_strip, material.under[box.slices] / 255, cut, SHOWN)
    for title, label_map in material.maps.items():
        cropped = label_map[box.slices]
        still: Still = {"title": title}
        for style in STYLES:
            still[style.name] = _base64(draw(label_map=cropped, style=style))
        found.append(still)
    if material.uncertainty is not None:
        found.append({"title": "Uncertainty", "all": _base64(draw(heat=material.uncertainty[box.slices]))})
    return found


def _centre_in(material: Material, box: Box) -> tuple[int, int, int]:
    """The voxel of most interest, counted in a box."""
    z, y, x = centre_of_interest(*material.guide)
    (z0, y0, x0), (z1, y1, x1) = material.brain.start, box.start
    return z + z0 - z1, y + y0 - y1, x + x0 - x1


def _base64(rgb: NDArray[np.uint8]) -> str:
    return b64encode(png(rgb)).decode()
