"""Surface distances between two masks, exact, in millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, generate_binary_structure
from scipy.spatial import cKDTree

from brats_seg.geometry import bounding_box

Mask = NDArray[np.bool_]
SIX_NEIGHBOURS = generate_binary_structure(3, 1)


def surface_points_mm(mask: Mask, spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Voxels of the mask with a 6-neighbour outside it, as ``(point, zyx)`` in mm; what lies beyond the volume is outside."""
    box = bounding_box(mask)
    if box is None:
        return np.zeros((0, 3))
    inner = box.crop(mask)
    surface = inner & ~binary_erosion(inner, SIX_NEIGHBOURS)
    points: NDArray[np.float64] = (np.argwhere(surface) + box.start) * np.asarray(spacing_mm)
    return points


def directed_distances_mm(
    prediction: Mask, truth: Mask, spacing_mm: tuple[float, float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of every surface voxel to the nearest one of the other mask, both ways; neither mask may be empty."""
    ours, theirs = (surface_points_mm(mask, spacing_mm) for mask in (prediction, truth))
    forth, _ = cKDTree(theirs).query(ours, workers=1)
    back, _ = cKDTree(ours).query(theirs, workers=1)
    return forth, back
