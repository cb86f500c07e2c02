"""Volumes and pictures of one case as text that a page can hold."""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from brats_seg.geometry import Box
from brats_seg.nifti import Geometry
from brats_seg.pictures import PALETTES, TITLES, centre_of_interest, png, tissues, window
from brats_seg.report.material import SHOWN, Material
from brats_seg.report.slices import strip

OPACITY = {"grey": 1.0, "labels": 0.5, "heat": 0.6}
STYLES = tuple(f"{palette}-{style}" for palette in PALETTES for style in ("fill", "outline"))
"""Every way a label map is drawn."""
MARGIN = 12
"""Voxels around the tumour in a close-up."""
MEANINGS = {"ET": "enhancing tumour", "NCR/NET": "necrosis and non-enhancing tumour", "ED": "oedema"}
Still = dict[str, Any]
"""Its title, and PNG in base64 by style; ``all`` where there is one for every style."""


def viewer_layers(material: Material) -> list[dict[str, Any]]:
    """What the viewer loads: the modalities first, all in the box of the brain, NIfTI in base64, and what is on at first."""
    box = material.brain
    layers = [(title, "grey", volume) for title, volume in zip(TITLES, _greys(material), strict=True)]
    layers += [(title, "labels", label_map) for title, label_map in material.maps.items()]
    layers += [] if material.uncertainty is None else [("Uncertainty", "heat", material.uncertainty)]
    at_first = ("T1ce", *list(material.maps)[-1:])
    return [
        {
            "title": title,
            "kind": kind,
            "on": title in at_first,
            "opacity": OPACITY[kind],
            "data": _nifti(array, material, box),
        }
        for title, kind, array in layers
    ]


def stills(material: Material) -> list[Still]:
    """Three slices of every layer as PNG in base64; of a label map one per style."""
    return _drawn(material, material.brain, (0, 1, 2))


def close_ups(material: Material) -> list[Still]:
    """As :func:`stills`, the largest lesion of the axial slice alone; none where there is no tumour."""
    brain = material.brain
    guide, inside = _guide(material)
    if guide is None or not guide.any():
        return []
    tumour = largest(guide[centre_of_interest(guide, inside)[0]] != 0)
    (y0, y1), (x0, x1) = ((each.start, each.stop) for each in tumour)
    side = max(y1 - y0, x1 - x0) + 2 * MARGIN
    y, x = (
        _within(low, high, side, of)
        for (low, high), of in zip(((y0, y1), (x0, x1)), brain.shape[1:], strict=True)
    )
    start = (brain.start[0], brain.start[1] + y.start, brain.start[2] + x.start)
    return _drawn(
        material, Box(start, (brain.stop[0], brain.start[1] + y.stop, brain.start[2] + x.stop)), (0,)
    )


def largest(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Where the largest component of ``(y, x)`` lies; a speck far away would make any frame useless."""
    components, _ = label(mask, structure=np.ones((3, 3)))
    return find_objects(components)[np.bincount(components.flat)[1:].argmax()]  # type: ignore[no-any-return]


def _within(low: int, high: int, side: int, of: int) -> slice:
    """As long as ``side`` about the middle, but not beyond the ends."""
    start = min(max((low + high - side) // 2, 0), max(of - side, 0))
    return slice(start, min(start + side, of))


def _drawn(material: Material, box: Box, axes: Sequence[int]) -> list[Still]:
    maps = {title: label_map[box.slices] for title, label_map in material.maps.items()}
    greys = [grey[box.slices] / 255 for grey in _greys(material)]
    at, brain = centre_of_interest(*_guide(material)), material.brain.start
    z, y, x = (a + whole - here for a, whole, here in zip(at, brain, box.start, strict=True))
    draw = partial(strip, centre=(z, y, x), labels=SHOWN, axes=axes, origin=box.start)
    found = [
        {"title": title, "all": _png(draw(grey, None))} for title, grey in zip(TITLES, greys, strict=True)
    ]
    for title, label_map in maps.items():
        styles = {
            style: _png(draw(greys[1], label_map, palette=palette, outlined=outlined == "outline"))
            for style in STYLES
            for palette, outlined in [style.split("-")]
        }
        found.append({"title": title, **styles})
    if material.uncertainty is not None:
        found.append(
            {"title": "Uncertainty", "all": _png(draw(greys[1], None, heat=material.uncertainty[box.slices]))}
        )
    return found


def centre(material: Material) -> list[float]:
    """Where the viewer begins, ``(x, y, z)`` as fractions of its volumes from right to left, back to front, feet to head."""
    box = material.brain
    z, y, x = centre_of_interest(*_guide(material))
    depth, height, width = box.shape
    return [1 - (x + 0.5) / width, 1 - (y + 0.5) / height, (z + 0.5) / depth]


def _guide(material: Material) -> tuple[NDArray[np.uint8] | None, NDArray[np.bool_]]:
    """The first label map, and the brain, in its box."""
    slices = material.brain.slices
    first = next(iter(material.maps.values()), None)
    return None if first is None else first[slices], (material.image != 0).any(0)[slices]


def legend() -> list[dict[str, Any]]:
    """Tissue, its value in the viewer's volumes, and its colour in each palette as 0 to 255."""
    return [
        {
            "name": name,
            "meaning": MEANINGS[name],
            "value": value,
            **{palette: [round(255 * c) for c in colours[name]] for palette, colours in PALETTES.items()},
        }
        for name, value in sorted(tissues(SHOWN).items(), key=lambda item: item[1])
    ]


def _greys(material: Material) -> list[NDArray[np.uint8]]:
    return [(255 * window(channel, channel != 0)).astype(np.uint8) for channel in material.image]


def _nifti(array: NDArray[np.uint8], material: Material, box: Box) -> str:
    image = nib.Nifti1Image(array[box.slices].transpose(2, 1, 0), _affine(material.geometry, box))
    return b64encode(igzip.compress(image.to_bytes(), 3)).decode()


def _affine(geometry: Geometry, box: Box) -> NDArray[np.float64]:
    """Of the box, voxel ``(x, y, z)`` to RAS+ millimetres."""
    affine = geometry.lps_affine.copy()
    affine[:3, 3] = (affine @ [*box.start[::-1], 1])[:3]
    return affine


def _png(rgb: NDArray[np.uint8]) -> str:
    return b64encode(png(rgb)).decode()
