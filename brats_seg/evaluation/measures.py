"""Every metric by its name in the tables. Covered by tests/evaluation/test_conventions.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from brats_seg.metrics import functional as of
from brats_seg.metrics.surface import Mask, Spacing

Scores = dict[str, float | None]
"""Metric to value; None where it is undefined."""
Kind = Literal["share", "distance", "volume", "count", "uncertainty", "calibration"]

TOLERANCE_MM = 1.0
"""Of the surface Dice by area."""


@dataclass(frozen=True)
class Metric:
    """How a metric is named, shown, compared and penalised.

    Attributes:
        title: In tables.
        kind: ``share`` (0 to 1), ``distance`` in mm, ``volume`` in ml, ``count`` of lesions; ``uncertainty``
            and ``calibration`` (0 to 1) score the maps beside the label map.
        digits: After the point.
        better: Which way is good; None where neither is.
        worst: Value of a missing prediction; None: see :meth:`Convention.worst`.
        pipeline: Whose label map is scored; None: the final one.
    """

    title: str
    kind: Kind = "share"
    digits: int = 4
    better: Literal["higher", "lower"] | None = "higher"
    worst: float | None = 0.0
    pipeline: str | None = None


METRICS: Mapping[str, Metric] = {
    "dice_a": Metric("Dice (pipeline A alone)", pipeline="a"),
    "dice_b": Metric("Dice (pipeline B alone)", pipeline="b"),
    "dice": Metric("Dice"),
    "lesion_dice": Metric("Lesion-wise Dice"),
    "sensitivity": Metric("Sensitivity"),
    "specificity": Metric("Specificity", digits=5),
    "hd95": Metric("Hausdorff (95%), mm", "distance", 2, "lower", None),
    "lesion_hd95": Metric("Lesion-wise Hausdorff (95%), mm", "distance", 2, "lower", None),
    "global_hd95": Metric("Hausdorff (95%), directions pooled, mm", "distance", 2, "lower", None),
    "surface_dice": Metric("Surface Dice at 1 mm"),
    "global_nsd": Metric("Surface Dice, share of voxels in place"),
    "global_nsd_10": Metric("Surface Dice, share of voxels within 1 mm"),
    "global_nsd_05": Metric("Surface Dice, share of voxels within 0.5 mm"),
    "lesion_surface_dice": Metric("Lesion-wise surface Dice"),
    "lesion_surface_dice_05": Metric("Lesion-wise surface Dice, 0.5 mm"),
    "lesion_f1": Metric("Lesion F1"),
    "volume_difference": Metric("Volume difference, ml", "volume", 2, None, None),
    "lesions_truth": Metric("Lesions, truth", "count", 2, None, None),
    "lesions_predicted": Metric("Lesions, predicted", "count", 2, None, None),
    "lesions_found": Metric("Lesions found", "count", 2, None, None),
    "lesions_missed": Metric("Lesions missed", "count", 2, "lower", None),
    "lesions_false": Metric("Lesions, false", "count", 2, "lower", None),
    "uncertainty_dice": Metric("Uncertainty: Dice AUC", "uncertainty"),
    "uncertainty_ftp": Metric("Uncertainty: filtered TP AUC", "uncertainty", 4, "lower", 1.0),
    "uncertainty_ftn": Metric("Uncertainty: filtered TN AUC", "uncertainty", 4, "lower", 1.0),
    "uncertainty_score": Metric("Uncertainty: score", "uncertainty"),
    "ece": Metric("Calibration error (ECE)", "calibration", 4, "lower", 1.0),
}
"""Every metric by its name, in the order of the tables."""


def shared_scores(prediction: Mask, truth: Mask, spacing_mm: Spacing) -> Scores:
    """The metrics that every convention gives.

    Args:
        prediction: One region, ``(z, y, x)``, may be cropped.
        truth: Same shape.
        spacing_mm: Size of a voxel along ``(z, y, x)``.

    Returns:
        Metric to value.
    """
    return {
        "surface_dice": of.surface_dice(prediction, truth, spacing_mm, TOLERANCE_MM),
        "volume_difference": of.volume_difference_ml(prediction, truth, spacing_mm),
    }
