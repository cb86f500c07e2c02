"""HD95 and surface Dice over voxel surfaces, both directions together, as in ``medpy`` and ``panoptica``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from brats_seg.metrics.surface import Mask, Spacing, surface_distances_mm

PERCENTILE = 95.0


class VoxelSurfaces(NamedTuple):
    """How well two voxel surfaces agree.

    Attributes:
        hd95_mm: The 95th percentile (linear) over the distances of both directions in one list.
        surface_dice: Per tolerance the mean of two shares: of the voxels of each surface, how many lie within
            the tolerance of the other.
    """

    hd95_mm: float
    surface_dice: tuple[float, ...]


def compare_voxel_surfaces(
    prediction: Mask,
    truth: Mask,
    spacing_mm: Spacing,
    tolerances_mm: Sequence[float],
    penalty_mm: float = float("inf"),
) -> VoxelSurfaces:
    """Compare the surfaces of two masks.

    Not :func:`brats_seg.metrics.functional.hd95_mm`, the larger of two percentiles, one for each direction: a
    list of both gives the longer surface more weight.

    Args:
        prediction: Of one region.
        truth: Of the same region.
        spacing_mm: Voxel size along ``(z, y, x)``.
        tolerances_mm: Of the surface Dice.
        penalty_mm: HD95 where exactly one mask is empty.

    Returns:
        The scores; 0 mm and 1 where both masks are empty, the penalty and 0 where one is.

    >>> mask = np.ones((1, 1, 3), np.bool_)
    >>> compare_voxel_surfaces(mask, mask, (1.0, 1.0, 1.0), [1.0])
    VoxelSurfaces(hd95_mm=0.0, surface_dice=(1.0,))
    """
    if not prediction.any() or not truth.any():
        same = prediction.any() == truth.any()
        return VoxelSurfaces(0.0 if same else penalty_mm, (float(same),) * len(tolerances_mm))
    forth, back = surface_distances_mm(prediction, truth, spacing_mm)
    shares = []
    for tolerance in tolerances_mm:
        near_forth, near_back = float((forth <= tolerance).mean()), float((back <= tolerance).mean())
        shares.append((near_forth + near_back) / 2)
    return VoxelSurfaces(float(np.percentile(np.concatenate([forth, back]), PERCENTILE)), tuple(shares))
