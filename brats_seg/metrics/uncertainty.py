"""How well the uncertainty says where the label map is wrong, and how well probabilities are calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Real
from numpy.typing import NDArray

from brats_seg.metrics.surface import Mask

MAXIMUM = 100.0
"""Uncertainty goes from 0 (sure) to this."""


@dataclass(frozen=True)
class UncertaintyScores:
    """Areas under the curves over the thresholds, each in [0, 1].

    Attributes:
        dice_auc: Dice of the voxels that are sure enough: higher is better.
        ftp_auc: Share of the true positives that are filtered out: lower is better.
        ftn_auc: Share of the brain's true negatives that are filtered out: lower is better.
    """

    dice_auc: float
    ftp_auc: float
    ftn_auc: float

    @property
    def score(self) -> float:
        """Mean of the three, higher is better."""
        return (self.dice_auc + (1 - self.ftp_auc) + (1 - self.ftn_auc)) / 3


def uncertainty_scores(
    prediction: Mask,
    truth: Mask,
    uncertainty: Real[NDArray[np.number], "z y x"],
    brain: Mask,
    *,
    intervals: int,
) -> UncertaintyScores:
    """Score one region as the BraTS 2020 uncertainty task does.

    Source: Mehta et al. 2022, "QU-BraTS", and its code, github.com/RagMeh11/QU-BraTS. A voxel is filtered out
        where
    its uncertainty is above the threshold; Dice is 1 where nothing of either mask is left; a share of nothing
    is 0.

    Args:
        prediction: Of the region.
        truth: Of the same region.
        uncertainty: 0 (sure) to 100.
        brain: True positives and negatives outside it do not count.
        intervals: Between the evenly spaced thresholds from 0 to 100; 40 in the published code.

    Returns:
        The areas under the three curves.
    """
    thresholds = np.linspace(0, MAXIMUM, intervals + 1)
    overlap = prediction & truth
    sizes = _at_most(uncertainty[prediction], thresholds) + _at_most(uncertainty[truth], thresholds)
    kept = 2.0 * _at_most(uncertainty[overlap], thresholds)
    dice = np.divide(kept, sizes, out=np.ones_like(kept), where=sizes > 0)
    positives = _filtered(uncertainty[overlap & brain], thresholds)
    negatives = _filtered(uncertainty[~(prediction | truth) & brain], thresholds)
    areas = [float(np.trapezoid(curve, thresholds)) / MAXIMUM for curve in (dice, positives, negatives)]
    return UncertaintyScores(*areas)


def calibration_bins(
    probability: Float[NDArray[np.floating], "*shape"], truth: Bool[NDArray[np.bool_], "*shape"], bins: int
) -> Float64[NDArray[np.float64], "bins sums=3"]:
    """The reliability diagram of one region as sums, so that cases add up.

    Args:
        probability: 0 to 1.
        truth: Of the same voxels.
        bins: Of equal width over [0, 1]; the last one holds 1.

    Returns:
        For each bin: voxels, sum of their probabilities, how many of them are true.

    >>> calibration_bins(np.array([0.1, 0.4, 0.9]), np.array([False, True, True]), 2)
    array([[2. , 0.5, 1. ],
           [1. , 0.9, 1. ]])
    """
    values, positive = probability.ravel(), truth.ravel()
    place = np.minimum((values * bins).astype(np.intp), bins - 1)
    voxels = np.bincount(place, minlength=bins)
    sums = np.bincount(place, values, bins)
    positives = np.bincount(place, positive, bins)
    return np.stack([voxels, sums, positives], axis=1).astype(np.float64)


def expected_calibration_error(sums: Float64[NDArray[np.float64], "bins sums=3"]) -> float | None:
    """Mean over voxels of |mean probability - observed frequency| of their bin (Naeini et al. 2015).

    Args:
        sums: As from :func:`calibration_bins`.

    Returns:
        0 to 1; None without a voxel.
    """
    voxels = sums[:, 0].sum()
    return float(np.abs(sums[:, 1] - sums[:, 2]).sum() / voxels) if voxels else None


def _at_most(values: NDArray[np.number], thresholds: NDArray[np.float64]) -> NDArray[np.intp]:
    """How many of the values each threshold lets through."""
    first = np.searchsorted(thresholds, values)
    return np.bincount(first, minlength=len(thresholds) + 1)[: len(thresholds)].cumsum()


def _filtered(values: NDArray[np.number], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 - _at_most(values, thresholds) / values.size if values.size else np.zeros(len(thresholds))
