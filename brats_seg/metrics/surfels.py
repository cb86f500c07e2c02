"""Surface elements on voxel corners, with their areas. Covered by tests/metrics/test_surface.py."""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brats_seg.geometry import Box, bounding_box
from brats_seg.metrics.surface import Distances, Mask, Spacing, crop_to_union

TRIANGLES: dict[int, tuple[tuple[float, float, float], ...]] = {
    0b0000_0001: ((1, 1, 1),),
    0b0000_0011: ((2, 2, 0), (2, 2, 0)),
    0b0000_0110: ((1, 1, 1), (1, 1, 1)),
    0b0000_0111: ((4, 0, 0), (2, 2, 2), (1, 1, 1)),
    0b0000_1111: ((4, 0, 0), (4, 0, 0)),
    0b0001_0110: ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    0b0001_0111: ((1, 1, 1), (2, 2, 2), (2, 2, 2), (1, 1, 1)),
    0b0001_1000: ((1, 1, 1), (1, 1, 1)),
    0b0001_1001: ((0, 2, 2), (0, 2, 2), (1, 1, 1)),
    0b0001_1011: ((1, 1, 1), (3, 3, 3), (0, 2, 2), (2, 0, 2)),
    0b0001_1110: ((4, 0, 0), (1, 1, 1), (2, 2, 2), (1, 1, 1)),
    0b0011_1100: ((2, 2, 0), (2, 2, 0), (2, 2, 0), (2, 2, 0)),
    0b0110_1001: ((1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
}
"""Marching cubes: code of a corner to the area vectors of its triangles.

A code holds the eight voxels around a corner as bits in C order, first voxel highest. A vector holds the
sizes of its components, in eighths of a voxel face. One of each kind; the other 242 codes follow by turning,
mirroring and exchanging inside and outside. Triangulated as in ``surface-distance``.
"""


class Surfels(NamedTuple):
    """The surface elements of two masks in one grid of voxel corners.

    Attributes:
        prediction: Where the prediction has one, ``(z + 1, y + 1, x + 1)`` of the box around both masks.
        truth: Where the truth has one, same shape.
        prediction_areas: mm^2 of each True of ``prediction`` in C order.
        truth_areas: mm^2 of each True of ``truth`` in C order.
    """

    prediction: Mask
    truth: Mask
    prediction_areas: Distances
    truth_areas: Distances


def surfels(prediction: Mask, truth: Mask, spacing_mm: Spacing) -> Surfels:
    """The surface elements of both masks, of which one may be empty.

    Args:
        prediction: Of one region.
        truth: Of the same region.
        spacing_mm: Voxel size along ``(z, y, x)``.

    Returns:
        Where the surfels lie, and their areas.
    """
    areas = surfel_areas_mm2(spacing_mm)
    prediction, truth = crop_to_union(prediction, truth)
    our_codes, their_codes = _codes(prediction), _codes(truth)
    ours = (our_codes != 0) & (our_codes != 255)
    theirs = (their_codes != 0) & (their_codes != 255)
    return Surfels(ours, theirs, areas[our_codes[ours]], areas[their_codes[theirs]])


@cache
def surfel_areas_mm2(spacing_mm: Spacing) -> Distances:
    """``(256,)``: neighbour code to the area of its triangles."""
    faces = np.prod(spacing_mm) / np.asarray(spacing_mm) / 8
    areas = []
    for triangles in _triangles_of_every_code():
        areas.append(sum(float(np.linalg.norm(triangle * faces)) for triangle in triangles))
    return np.array(areas)


@cache
def _triangles_of_every_code() -> tuple[NDArray[np.float64], ...]:
    found: dict[int, NDArray[np.float64]] = {0: np.zeros((1, 3)), 255: np.zeros((1, 3))}
    flips = (slice(None), slice(None, None, -1))
    turns = list(product(permutations(range(3)), product(flips, repeat=3)))
    for code, triangles in TRIANGLES.items():
        vectors = np.array(triangles, np.float64)
        cube = np.unpackbits(np.uint8(code)).reshape(2, 2, 2)
        for axes, mirrored in turns:
            turned = cube.transpose(axes)[mirrored]
            number = int(np.packbits(turned.ravel())[0])
            found[number] = found[255 - number] = vectors[:, axes]
    return tuple(found[code] for code in range(256))


def _codes(mask: Mask) -> NDArray[np.uint8]:
    """Which of the eight voxels around each corner are in the mask, one more corner than voxels per axis."""
    z, y, x = mask.shape
    codes = np.zeros((z + 1, y + 1, x + 1), np.uint8)
    box = bounding_box(mask)
    if box is None:
        return codes
    code: NDArray[np.uint8] = np.pad(mask[box.slices], 1).view(np.uint8)
    for axis, bits in ((2, 1), (1, 2), (0, 4)):
        others = [slice(None)] * axis
        code = (code[(*others, slice(-1))] << np.uint8(bits)) | code[(*others, slice(1, None))]
    corners = Box(box.start, (box.stop[0] + 1, box.stop[1] + 1, box.stop[2] + 1))
    codes[corners.slices] = code
    return codes
