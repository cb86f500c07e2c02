"""Scores of one region of one case: pure functions of two boolean volumes ``(z, y, x)``.

None stands for undefined, never a NaN that a mean would drop unseen. "BraTS 2020" is the evaluation of that
year's challenge (PAPER.md, "Metrics"; Bakas et al. 2018, section 3).
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
)
from brats_seg.metrics.surfels import surfels
from brats_seg.metrics.voxel_surfaces import PERCENTILE

HD95_PENALTY_MM = 373.12866
"""BraTS 2020 gives this where exactly one mask is empty: about the diagonal of 240 x 240 x 155 mm."""


def dice(prediction: Mask, truth: Mask) -> float:
    """Equation 1: ``2 TP / (2 TP + FP + FN)``.

    Args:
        prediction: Of one region.
        truth: Of the same region.

    Returns:
        0 to 1; 1 where both are empty, 0 where one is.

    >>> mask = np.zeros((1, 1, 4), np.bool_)
    >>> mask[0, 0, :2] = True
    >>> print(dice(mask, np.ones_like(mask)))
    0.6666666666666666
    >>> dice(~mask & mask, ~mask & mask)
    1.0
    """
    size = np.count_nonzero(prediction) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(prediction & truth) / size if size else 1.0


def sensitivity(prediction: Mask, truth: Mask) -> float | None:
    """``TP / (TP + FN)``.

    Args:
        prediction: Of one region.
        truth: Of the same region.

    Returns:
        0 to 1; None where the truth is empty.
    """
    size = np.count_nonzero(truth)
    return np.count_nonzero(prediction & truth) / size if size else None


def specificity(prediction: Mask, truth: Mask, voxels: int | None = None) -> float | None:
    """``TN / (TN + FP)``.

    Args:
        prediction: Of one region.
        truth: Of the same region.
        voxels: Of the whole volume, where both masks are a crop of it that holds all of both.

    Returns:
        0 to 1; None where the truth fills the volume.
    """
    voxels = truth.size if voxels is None else voxels
    negative = voxels - np.count_nonzero(truth)
    return (voxels - np.count_nonzero(prediction | truth)) / negative if negative else None


def volume_difference_ml(prediction: Mask, truth: Mask, spacing_mm: Spacing) -> float:
    """Volume of the prediction minus volume of the truth.

    Args:
        prediction: Of one region.
        truth: Of the same region.
        spacing_mm: Voxel size along ``(z, y, x)``.

    Returns:
        Millilitres.
    """
    voxels = np.count_nonzero(prediction) - np.count_nonzero(truth)
    return voxels * float(np.prod(spacing_mm)) / 1000


def hd95_mm(prediction: Mask, truth: Mask, spacing_mm: Spacing, penalty_mm: float = HD95_PENALTY_MM) -> float:
    """The larger of the two directed 95th percentiles (linear) of the distances between voxel surfaces.

    Args:
        prediction: Of one region.
        truth: Of the same region.
        spacing_mm: Voxel size along ``(z, y, x)``.
        penalty_mm: The result where exactly one mask is empty.

    Returns:
        Millimetres; 0 where both masks are empty.
    """
    if not prediction.any() or not truth.any():
        return 0.0 if prediction.any() == truth.any() else penalty_mm
    forth, back = surface_distances_mm(prediction, truth, spacing_mm)
    return max(float(np.percentile(forth, PERCENTILE)), float(np.percentile(back, PERCENTILE)))


def surface_dice(prediction: Mask, truth: Mask, spacing_mm: Spacing, tolerance_mm: float) -> float:
    """Share of both surfaces, by area of surfels, that lies within the tolerance of the other one.

    Nikolov et al. 2018; the definition of ``surface-distance``.

    Args:
        prediction: Of one region.
        truth: Of the same region.
        spacing_mm: Voxel size along ``(z, y, x)``.
        tolerance_mm: Largest distance that counts as agreement.

    Returns:
        0 to 1; 1 where both masks are empty, 0 where one is.
    """
    if not prediction.any() and not truth.any():
        return 1.0
    both = surfels(prediction, truth, spacing_mm)
    offsets = _offsets(spacing_mm, tolerance_mm)
    agreed = both.prediction_areas[_near(both.prediction, both.truth, offsets)].sum()
    agreed += both.truth_areas[_near(both.truth, both.prediction, offsets)].sum()
    return float(agreed / (both.prediction_areas.sum() + both.truth_areas.sum()))


def surfel_hd95_mm(prediction: Mask, truth: Mask, spacing_mm: Spacing, penalty_mm: float) -> float:
    """The 95 % Hausdorff distance of ``surface-distance`` and BraTS 2023: percentiles by area of surfels.

    Not the one of :func:`hd95_mm`: docs/evaluation.md tabulates the difference.

    Args:
        prediction: Of one region.
        truth: Of the same region.
        spacing_mm: Voxel size along ``(z, y, x)``.
        penalty_mm: The result where exactly one mask is empty.

    Returns:
        Millimetres; 0 where both masks are empty.
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
    reach = []
    for side in spacing_mm:
        most = int(within_mm // side) + 1
        reach.append(np.arange(-most, most + 1))
    steps = np.stack(np.meshgrid(*reach, indexing="ij"), axis=-1).reshape(-1, 3)
    lengths_mm = np.sqrt(((steps * np.asarray(spacing_mm)) ** 2).sum(1))
    near: NDArray[np.intp] = steps[lengths_mm <= within_mm]
    return near


def _near(
    of: Mask, to: Mask, offsets: Integer[NDArray[np.intp], "steps 3"]
) -> Bool[NDArray[np.bool_], " voxels"]:
    """For each True of ``of``, in C order, whether ``to`` has one at one of the offsets."""
    margin = np.abs(offsets).max(0)
    around = np.pad(to, [(m, m) for m in margin])
    strides = np.asarray(around.strides)
    flat = around.ravel()
    at = np.stack(np.nonzero(of), axis=1) @ strides
    near = np.zeros(len(at), np.bool_)
    for step in (margin + offsets) @ strides:
        near |= flat[at + step]
    return near
