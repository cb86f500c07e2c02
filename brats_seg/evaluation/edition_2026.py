"""BraTS 2026. Covered by tests/evaluation/test_golden.py."""

from __future__ import annotations

from brats_seg.evaluation.measures import Scores, shared_scores
from brats_seg.metrics import functional as of
from brats_seg.metrics.matching import match_lesions
from brats_seg.metrics.surface import Mask, Spacing
from brats_seg.metrics.voxel_surfaces import compare_voxel_surfaces

PENALTY_2026_MM = 373.0


def brats2026(prediction: Mask, truth: Mask, spacing_mm: Spacing, voxels: int) -> Scores:
    """BraTS 2026, adult glioma: lesions matched one to one; Dice, HD95, surface Dice over the pairs, and F1.

    Source: ``brats-evaluation`` 0.0.10, ``--config gli``, then ``brats-parse-metrics seg``. Neither mask has
        a lesion: undefined;
    lesions, but no pair: 0, and HD95 373, as for a missing prediction. ``dice``, ``global_hd95`` and
    ``global_nsd`` are those of the whole region; the last two are 373 and 0 where no voxel is shared.

    Args:
        prediction: One region, ``(z, y, x)``, may be cropped.
        truth: Same shape.
        spacing_mm: Size of a voxel along ``(z, y, x)``.
        voxels: Of the whole volume; not used.

    Returns:
        Metric to value; None where it is undefined.
    """
    lesions = match_lesions(prediction, truth, spacing_mm, penalty_mm=PENALTY_2026_MM)
    return {
        "lesion_dice": lesions.dice,
        "lesion_hd95": lesions.hd95_mm,
        "lesion_surface_dice": lesions.surface_dice,
        "lesion_f1": lesions.f1,
        "dice": of.dice(prediction, truth),
        **_whole_2026(prediction, truth, spacing_mm),
        **shared_scores(prediction, truth, spacing_mm),
        "lesions_found": lesions.found,
        "lesions_missed": lesions.missed,
        "lesions_false": lesions.false,
    }


def _whole_2026(prediction: Mask, truth: Mask, spacing_mm: Spacing) -> Scores:
    """``global_bin_hd95`` and ``global_bin_nsd``, the latter within half a voxel, so in the same place."""
    if (prediction & truth).any():
        hd95, (nsd,) = compare_voxel_surfaces(prediction, truth, spacing_mm, [min(spacing_mm) / 2])
        return {"global_hd95": hd95, "global_nsd": nsd}
    nothing = not (prediction.any() or truth.any())
    return (
        dict.fromkeys(("global_hd95", "global_nsd"))
        if nothing
        else {"global_hd95": PENALTY_2026_MM, "global_nsd": 0.0}
    )
