"""Surfaces of masks and the distances between them, exact, in millimetres.

Two surfaces are in use. The *voxel surface* is the voxels of a mask with a 6-neighbour outside it (PAPER.md,
"Metrics"; MONAI). The *surfels* lie on voxel corners, each with the area of its marching-cubes triangles
(``surface-distance``; BraTS 2023). Beyond the volume is outside.
"""

from __future__ import annotations

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


def _points_mm(mask: Mask, spacing_mm: Spacing) -> Float64[NDArray[np.float64], "points 3"]:
    points: NDArray[np.float64] = np.empty((np.count_nonzero(mask), mask.ndim))
    for axis, indices in enumerate(np.unravel_index(np.flatnonzero(mask), mask.shape)):
        points[:, axis] = indices * spacing_mm[axis]
    return points
