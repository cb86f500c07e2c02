"""What the viewer of a page is given: volumes as NIfTI in base64, in scanner units where they are images.

Covered by tests/report/test_report.py and tests/report/test_viewer_data.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip
from numpy.typing import NDArray

from brats_seg.geometry import Box
from brats_seg.nifti import Geometry
from brats_seg.pictures import TITLES, centre_of_interest, window_of
from brats_seg.report.heat import HEAT
from brats_seg.report.material import UNDER, Material

OPACITY = {"grey": 1.0, "labels": 0.9, "heat": 0.6}
"""Of a layer of the viewer, by its kind; label maps nearly opaque, so that they keep the legend's colour."""
LARGEST_CODE = 65535


@dataclass(frozen=True, eq=False)
class Coded:
    """Scanner units as unsigned integers: ``low + (code - 1) * step``, and 0 is background.

    Attributes:
        codes: ``(z, y, x)``.
        low: Of code 1.
        step: From one code to the next.
    """

    codes: NDArray[np.uint16]
    low: float
    step: float


def viewer_data(material: Material) -> dict[str, Any]:
    """Everything that the viewer is given but the legend.

    Args:
        material: Of the case.

    Returns:
        ``layers``, modalities first; some are on at first. ``centre``: where the viewer begins, fractions
        from left to right, back to front, feet to head. ``origin``: the first voxel ``(z, y, x)`` of the
        volumes in the whole one, for the numbers of slices. ``heat``: the colours of uncertainty.
    """
    box = material.brain
    return {
        "layers": viewer_layers(material),
        "centre": centre(material),
        "origin": list(box.start),
        "heat": HEAT,
    }


def viewer_layers(material: Material) -> list[dict[str, Any]]:
    """The layers of the viewer, modalities first: NIfTI in base64, cropped to the brain; some start on."""
    on = (UNDER if UNDER in material.greys else next(iter(material.greys), ""), *list(material.maps)[-1:])
    found = []

    def add(title: str, kind: str, array: NDArray[Any], **more: Any) -> None:
        layer = {"title": title, "kind": kind, "on": title in on, "opacity": OPACITY[kind], **more}
        found.append({**layer, "data": _nifti(array, material.geometry, material.brain)})

    for title, channel in zip(TITLES, material.image, strict=True):
        if title in material.greys:
            coded = code(channel)
            window = window_of(channel[channel != 0])
            add(title, "grey", coded.codes, low=coded.low, step=coded.step, window=window)
    if not found:
        add(
            "No image", "grey", np.zeros(material.geometry.shape, np.uint16), low=0.0, step=1.0, window=(0, 1)
        )
    for title, label_map in material.maps.items():
        add(title, "labels", label_map)
    if material.uncertainty is not None:
        add("Uncertainty", "heat", material.uncertainty)
    return found


def code(channel: NDArray[np.float32]) -> Coded:
    """Positive integers that fit are their own codes; others are rounded to a 65534th of their range."""
    inside = channel != 0
    values = channel[inside].astype(np.float64)
    if not values.size:
        return Coded(np.zeros(channel.shape, np.uint16), 1.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if low >= 1 and high <= LARGEST_CODE and bool((values == np.rint(values)).all()):
        low, step = 1.0, 1.0
    else:
        step = (high - low) / (LARGEST_CODE - 1) or 1.0
    codes = np.zeros(channel.shape, np.uint16)
    codes[inside] = np.rint((values - low) / step).astype(np.uint16) + 1
    return Coded(codes, low, step)


def centre(material: Material) -> list[float]:
    """Where the viewer begins: fractions of its volumes from right to left, back to front, feet to head."""
    z, y, x = centre_of_interest(*material.guide)
    depth, height, width = material.brain.shape
    return [1 - (x + 0.5) / width, 1 - (y + 0.5) / height, (z + 0.5) / depth]


def _nifti(array: NDArray[Any], geometry: Geometry, box: Box) -> str:
    image = nib.Nifti1Image(array[box.slices].transpose(2, 1, 0), _affine(geometry, box))
    return b64encode(igzip.compress(image.to_bytes(), 3, mtime=0)).decode()


def _affine(geometry: Geometry, box: Box) -> NDArray[np.float64]:
    """Of the box, voxel ``(x, y, z)`` to RAS+ millimetres."""
    affine = geometry.lps_affine.copy()
    affine[:3, 3] = (affine @ [*box.start[::-1], 1])[:3]
    return affine
