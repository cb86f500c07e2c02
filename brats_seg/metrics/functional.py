"""Scores of one region of one case: pure functions of two boolean volumes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brats_seg.metrics.surface import directed_distances_mm

Mask = NDArray[np.bool_]
HD95_PENALTY_MM = 373.12866
"""BraTS 2020 gives this where exactly one mask is empty: the diagonal of a 240 x 240 x 155 volume at 1 mm."""


def dice(prediction: Mask, truth: Mask) -> float:
    """Equation 1: ``2 TP / (2 TP + FP + FN)``; 1 where both are empty, 0 where one is."""
    size = int(prediction.sum()) + int(truth.sum())
    return 1.0 if size == 0 else 2 * int((prediction & truth).sum()) / size


def sensitivity(prediction: Mask, truth: Mask) -> float | None:
    """``TP / (TP + FN)``; None where the truth is empty, for there it is undefined."""
    size = int(truth.sum())
    return int((prediction & truth).sum()) / size if size else None


def specificity(prediction: Mask, truth: Mask) -> float | None:
    """``TN / (TN + FP)`` over the whole volume; None where the truth fills it."""
    size = truth.size - int(truth.sum())
    return 1 - int((prediction & ~truth).sum()) / size if size else None


def hd95_mm(prediction: Mask, truth: Mask, spacing_mm: tuple[float, float, float]) -> float:
    """The larger of the two directed 95th percentiles (linear) of the surface distances, in mm.

    0 where both masks are empty, :data:`HD95_PENALTY_MM` where one is.
    """
    if not prediction.any() or not truth.any():
        return 0.0 if prediction.any() == truth.any() else HD95_PENALTY_MM
    return max(float(np.percentile(d, 95)) for d in directed_distances_mm(prediction, truth, spacing_mm))
