"""Surfaces of masks and the distances between them, exact, in millimetres.

Two surfaces are in use. The *voxel surface* is the voxels of a mask with a 6-neighbour outside it (PAPER.md,
"Metrics"; MONAI). The *surfels* lie on voxel corners, each with the area of its marching-cubes triangles
(``surface-distance``; BraTS 2023). Beyond the volume is outside.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from brats_seg.geometry import Box, bounding_box

Mask = Bool[NDArray[np.bool_], "z y x"]
"""The masks that a function takes lie in one grid."""
Crop = Bool[NDArray[np.bool_], "crop_z crop_y crop_x"]
"""What a function cut out of its masks."""
Distances = Float64[NDArray[np.float64], "_"]
Spacing = tuple[float, float, float]

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


def crop_to_union(prediction: Mask, truth: Mask) -> tuple[Crop, Crop]:
    """Cut both masks to the smallest box that holds both: nothing on a surface or between two changes.

    Args:
        prediction: Of one region.
        truth: Of the same region.

    Returns:
        Prediction and truth in the box, contiguous.

    Raises:
        ValueError: Both are empty.
    """
    box = bounding_box(prediction | truth)
    if box is None:
        raise ValueError("two empty masks have no surface")
    return np.ascontiguousarray(box.crop(prediction)), np.ascontiguousarray(box.crop(truth))


def voxel_surface(mask: Mask) -> Mask:
    """Voxels of the mask with a 6-neighbour outside it."""
    surface = np.zeros_like(mask)
    box = bounding_box(mask)
    if box is None:
        return surface
    own = box.crop(mask)
    around = np.pad(own, 1)
    inside = own.copy()
    for axis in range(3):
        for side in (slice(None, -2), slice(2, None)):
            neighbours = [slice(1, -1)] * 3
            neighbours[axis] = side
            inside &= around[tuple(neighbours)]
    surface[box.slices] = own & ~inside
    return surface


def distances_mm(of: Mask, to: Mask, spacing_mm: Spacing) -> Distances:
    """From each True of ``of``, in C order, to the nearest True of ``to``.

    A k-d tree over surface points beats a distance transform of the box on near, far and scattered masks
    (benchmarks/evaluation.py).

    Args:
        of: A surface.
        to: Another one, with at least one True.
        spacing_mm: Of the grid, along ``(z, y, x)``.

    Returns:
        Millimetres.
    """
    found = np.zeros(np.count_nonzero(of))
    apart = ~to[of]
    tree = cKDTree(_points_mm(to, spacing_mm), balanced_tree=False, compact_nodes=False)
    found[apart], _ = tree.query(_points_mm(of & ~to, spacing_mm))
    return found


def surface_distances_mm(prediction: Mask, truth: Mask, spacing_mm: Spacing) -> tuple[Distances, Distances]:
    """Between two voxel surfaces, from every voxel of one to the nearest of the other.

    Args:
        prediction: Not empty.
        truth: Not empty.
        spacing_mm: Voxel size along ``(z, y, x)``.

    Returns:
        Millimetres from the prediction's surface to the truth's, and back.
    """
    prediction, truth = crop_to_union(prediction, truth)
    ours, theirs = voxel_surface(prediction), voxel_surface(truth)
    return distances_mm(ours, theirs, spacing_mm), distances_mm(theirs, ours, spacing_mm)


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


def _points_mm(mask: Mask, spacing_mm: Spacing) -> Float64[NDArray[np.float64], "points 3"]:
    points: NDArray[np.float64] = np.empty((np.count_nonzero(mask), mask.ndim))
    for axis, indices in enumerate(np.unravel_index(np.flatnonzero(mask), mask.shape)):
        points[:, axis] = indices * spacing_mm[axis]
    return points
