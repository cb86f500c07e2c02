"""Surfaces of masks and the distances between them, exact, in millimetres.

Two surfaces are in use. The *voxel surface* is the voxels of a mask with a 6-neighbour outside it (PAPER.md, "Metrics"; MONAI).
The *surfels* lie on voxel corners, each with the area of its marching-cubes triangles (``surface-distance``; BraTS 2023). Beyond
the volume is outside.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from brats_seg.geometry import bounding_box

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
"""Marching cubes: the eight voxels around a corner, as bits in C order, first voxel highest, to the sizes of the components of
the triangles' area vectors, in eighths of a voxel face. One of each kind; the other 242 codes follow by turning, mirroring and
exchanging inside and outside. Triangulated as in ``surface-distance``."""


class Surfels(NamedTuple):
    """The surface elements of two masks in one grid of voxel corners.

    Attributes:
        prediction: Where the prediction has one, ``(z + 1, y + 1, x + 1)`` of the box around both masks.
        truth: Likewise.
        prediction_areas: mm^2 of each True of ``prediction`` in C order.
        truth_areas: Likewise.
    """

    prediction: Mask
    truth: Mask
    prediction_areas: Distances
    truth_areas: Distances


def crop_to_union(prediction: Mask, truth: Mask) -> tuple[Crop, Crop]:
    """Both masks in the smallest box that holds both, contiguous; nothing on a surface or between two changes.

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
    if (box := bounding_box(mask)) is None:
        return surface
    own: Mask = mask[box.slices]
    around, inside = np.pad(own, 1), own.copy()
    middle = (slice(1, -1),) * 3
    for axis, side in product(range(3), (slice(None, -2), slice(2, None))):
        inside &= around[(*middle[:axis], side, *middle[axis + 1 :])]
    surface[box.slices] = own & ~inside
    return surface


def distances_mm(of: Mask, to: Mask, spacing_mm: Spacing) -> Distances:
    """From each True of ``of``, in C order, to the nearest True of ``to``, which has one at least.

    A k-d tree over surface points beats a distance transform of the box on near, far and scattered masks
    (benchmarks/evaluation.py).
    """
    found = np.zeros(np.count_nonzero(of))
    apart = ~to[of]
    tree = cKDTree(_points_mm(to, spacing_mm), balanced_tree=False, compact_nodes=False)
    found[apart], _ = tree.query(_points_mm(of & ~to, spacing_mm))
    return found


def surface_distances_mm(prediction: Mask, truth: Mask, spacing_mm: Spacing) -> tuple[Distances, Distances]:
    """Between two voxel surfaces, from every voxel of one to the nearest of the other, both ways; neither mask may be empty."""
    ours, theirs = map(voxel_surface, crop_to_union(prediction, truth))
    return distances_mm(ours, theirs, spacing_mm), distances_mm(theirs, ours, spacing_mm)


def surfels(prediction: Mask, truth: Mask, spacing_mm: Spacing) -> Surfels:
    """The surface elements of both masks, of which one may be empty."""
    areas = surfel_areas_mm2(spacing_mm)
    codes = [_codes(mask) for mask in crop_to_union(prediction, truth)]
    ours, theirs = ((code != 0) & (code != 255) for code in codes)
    return Surfels(ours, theirs, areas[codes[0][ours]], areas[codes[1][theirs]])


@cache
def surfel_areas_mm2(spacing_mm: Spacing) -> Distances:
    """``(256,)``: neighbour code to the area of its triangles."""
    faces = np.prod(spacing_mm) / np.asarray(spacing_mm) / 8
    return np.array(
        [sum(float(np.linalg.norm(t * faces)) for t in triangles) for triangles in _triangles_of_every_code()]
    )


@cache
def _triangles_of_every_code() -> tuple[NDArray[np.float64], ...]:
    found: dict[int, NDArray[np.float64]] = {0: np.zeros((1, 3)), 255: np.zeros((1, 3))}
    for code, triangles in TRIANGLES.items():
        cube = np.array([code >> bit & 1 for bit in range(7, -1, -1)]).reshape(2, 2, 2)
        for axes, mirrored in product(
            permutations(range(3)), product((slice(None), slice(None, None, -1)), repeat=3)
        ):
            turned = cube.transpose(axes)[mirrored]
            number = int("".join(map(str, turned.flat)), 2)
            found[number] = found[255 - number] = np.array(triangles, np.float64)[:, axes]
    return tuple(found[code] for code in range(256))


def _codes(mask: Mask) -> NDArray[np.uint8]:
    """Which of the eight voxels around each corner are in the mask, one more corner than voxels per axis."""
    codes = np.zeros([n + 1 for n in mask.shape], np.uint8)
    if (box := bounding_box(mask)) is None:
        return codes
    code: NDArray[np.uint8] = np.pad(mask[box.slices], 1).view(np.uint8)
    for axis, bits in ((2, 1), (1, 2), (0, 4)):
        others = [slice(None)] * axis
        code = (code[(*others, slice(-1))] << np.uint8(bits)) | code[(*others, slice(1, None))]
    codes[tuple(slice(a, b + 1) for a, b in zip(box.start, box.stop, strict=True))] = code
    return codes


def _points_mm(mask: Mask, spacing_mm: Spacing) -> Float64[NDArray[np.float64], "points 3"]:
    points: NDArray[np.float64] = np.empty((np.count_nonzero(mask), mask.ndim))
    for axis, indices in enumerate(np.unravel_index(np.flatnonzero(mask), mask.shape)):
        points[:, axis] = indices * spacing_mm[axis]
    return points
