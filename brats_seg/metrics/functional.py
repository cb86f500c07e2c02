"""Scores of one region of one case: pure functions of two boolean volumes ``(z, y, x)``.

None stands for undefined, never a NaN that a mean would drop unseen. "BraTS 2020" is the evaluation of that year's challenge
(PAPER.md, "Metrics"; Bakas et al. 2018, section 3).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Integer
from numpy.typing import NDArray

from brats_seg.metrics.surface import (
    Distances,
    Mask,
    Spacing,
    distances_mm,
    surface_distances_mm,
    surfels,
    voxel_surface,
)

HD95_PENALTY_MM = 373.12866
"""BraTS 2020 gives this where exactly one mask is empty: about the diagonal of a 240 x 240 x 155 volume at 1 mm."""
PERCENTILE = 95.0

__all__ = [
    "HD95_PENALTY_MM", "Mask", "Spacing", "dice", "hd95_mm", "sensitivity", "specificity", "surface_dice", "surfel_hd95_mm",
    "volume_difference_ml", "voxel_surface",
]  # fmt: skip


def dice(prediction: Mask, truth: Mask) -> float:
    """Equation 1: ``2 TP / (2 TP + FP + FN)``; 1 where both are empty, 0 where one is."""
    size = np.count_nonzero(prediction) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(prediction & truth) / size if size else 1.0


def sensitivity(prediction: Mask, truth: Mask) -> float | None:
    """``TP / (TP + FN)``; None where the truth is empty, for there it is undefined."""
    size = np.count_nonzero(truth)
    return np.count_nonzero(prediction & truth) / size if size else None


def specificity(prediction: Mask, truth: Mask, voxels: int | None = None) -> float | None:
    """``TN / (TN + FP)``; None where the truth fills the volume.

    Args:
        prediction: ``(z, y, x)``.
        truth: Same shape.
        voxels: Of the whole volume, where both masks are a crop of it that holds all of both.
    """
    voxels = truth.size if voxels is None else voxels
    negative = voxels - np.count_nonzero(truth)
    return (voxels - np.count_nonzero(prediction | truth)) / negative if negative else None


def volume_difference_ml(prediction: Mask, truth: Mask, spacing_mm: Spacing) -> float:
    """Volume of the prediction minus volume of the truth, in millilitres."""
    return (np.count_nonzero(prediction) - np.count_nonzero(truth)) * float(np.prod(spacing_mm)) / 1000


def hd95_mm(prediction: Mask, truth: Mask, spacing_mm: Spacing, penalty_mm: float = HD95_PENALTY_MM) -> float:
    """The larger of the two directed 95th percentiles (linear) of the distances between voxel surfaces, in mm.

    Args:
        prediction: ``(z, y, x)``.
        truth: Same shape.
        spacing_mm: Voxel size along ``(z, y, x)``.
        penalty_mm: The answer where exactly one mask is empty; 0 where both are.
    """
    if not prediction.any() or not truth.any():
        return 0.0 if prediction.any() == truth.any() else penalty_mm
    return max(
        float(np.percentile(d, PERCENTILE)) for d in surface_distances_mm(prediction, truth, spacing_mm)
    )


def surface_dice(prediction: Mask, truth: Mask, spacing_mm: Spacing, tolerance_mm: float) -> float:
    """Share of both surfaces, by area of surfels, that lies within the tolerance of the other one.

    1 where both masks are empty, 0 where one is. Nikolov et al. 2018; the definition of ``surface-distance``.
    """
    if not prediction.any() and not truth.any():
        return 1.0
    both = surfels(prediction, truth, spacing_mm)
    offsets = _offsets(spacing_mm, tolerance_mm)
    agreed = both.prediction_areas[_near(both.prediction, both.truth, offsets)].sum()
    agreed += both.truth_areas[_near(both.truth, both.prediction, offsets)].sum()
    return float(agreed / (both.prediction_areas.sum() + both.truth_areas.sum()))


def surfel_hd95_mm(prediction: Mask, truth: Mask, spacing_mm: Spacing, penalty_mm: float) -> float:
    """The 95 % Hausdorff distance as ``surface-distance`` and BraTS 2023 define it: percentiles by area of surfels.

    Not the one of :func:`hd95_mm`: docs/evaluation.md tabulates the difference. Empty masks as there.
    """
    if not prediction.any() or not truth.any():
        return 0.0 if prediction.any() == truth.any() else penalty_mm
    both = surfels(prediction, truth, spacing_mm)
    forth = distances_mm(both.prediction, both.truth, spacing_mm)
    back = distances_mm(both.truth, both.prediction, spacing_mm)
    return max(_weighted(forth, both.prediction_areas), _weighted(back, both.truth_areas))


def _weighted(distances: Distances, areas: Distances) -> float:
    """The distance within which :data:`PERCENTILE` of the area lies."""
    order = np.lexsort((areas, distances))  # ties as in surface-distance
    share = np.cumsum(areas[order]) / areas.sum()
    last = min(int(np.searchsorted(share, PERCENTILE / 100)), len(order) - 1)
    return float(distances[order[last]])


def _offsets(spacing_mm: Spacing, within_mm: float) -> Integer[NDArray[np.intp], "steps 3"]:
    """Every step between grid points that is no longer than ``within_mm``."""
    reach = [np.arange(-int(within_mm // step) - 1, int(within_mm // step) + 2) for step in spacing_mm]
    steps = np.stack(np.meshgrid(*reach, indexing="ij"), axis=-1).reshape(-1, 3)
    near: NDArray[np.intp] = steps[np.sqrt(((steps * np.asarray(spacing_mm)) ** 2).sum(1)) <= within_mm]
    return near


def _near(
    of: Mask, to: Mask, offsets: Integer[NDArray[np.intp], "steps 3"]
) -> Bool[NDArray[np.bool_], " voxels"]:
    """For each True of ``of``, in C order, whether ``to`` has one at one of the offsets."""
    margin = np.abs(offsets).max(0)
    around = np.pad(to, [(m, m) for m in margin])
    strides = np.asarray(around.strides)
    at = sum(
        axis * stride
        for axis, stride in zip(np.unravel_index(np.flatnonzero(of), of.shape), strides, strict=True)
    )
    flat, near = around.ravel(), np.zeros(np.count_nonzero(of), np.bool_)
    for step in (margin + offsets) @ strides:
        near |= flat[at + step]
    return near
