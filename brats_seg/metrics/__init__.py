"""Scores of one case, and their mean over cases."""

from brats_seg.metrics.components import count_lesions
from brats_seg.metrics.functional import (
    dice,
    hd95_mm,
    sensitivity,
    specificity,
    surface_dice,
    surfel_hd95_mm,
    volume_difference_ml,
)
from brats_seg.metrics.lesions import lesion_wise
from brats_seg.metrics.matching import match_lesions
from brats_seg.metrics.uncertainty import calibration_bins, expected_calibration_error, uncertainty_scores

__all__ = [
    "calibration_bins",
    "count_lesions",
    "dice",
    "expected_calibration_error",
    "hd95_mm",
    "lesion_wise",
    "match_lesions",
    "sensitivity",
    "specificity",
    "surface_dice",
    "surfel_hd95_mm",
    "uncertainty_scores",
    "volume_difference_ml",
]
