"""Adult glioma after treatment as BraTS 2024 scores it. Covered by tests/evaluation/test_conventions.py."""

from __future__ import annotations

from collections.abc import Mapping

from brats_seg.evaluation.measures import Scores, shared_scores
from brats_seg.metrics import functional as of
from brats_seg.metrics.components import Components
from brats_seg.metrics.lesions import LesionWise, score_lesions
from brats_seg.metrics.merged_lesions import Lesions, find_lesions, join_beside, without_small
from brats_seg.metrics.surface import Mask, Spacing
from brats_seg.metrics.voxel_surfaces import compare_voxel_surfaces
from brats_seg.terms import REGIONS

REGIONS_2024 = (*REGIONS, "NETC", "SNFH", "RC")
PENALTY_2024_MM = 337.0
DILATIONS = {"NETC": 5, "RC": 5}
"""Steps; 3 elsewhere."""
DILATION_2024 = max(DILATIONS.values())
IGNORED = {"ET": 10}
"""Voxels of a predicted lesion, mm^3 of one of the truth; 20 elsewhere."""
BESIDE = {
    "NETC": ("ET", "RC"),
    "ET": ("NETC", "RC"),
    "RC": ("ET", "NETC"),
    "SNFH": ("ET", "RC", "NETC"),
}
"""Region to the tissues that join its lesions, one after the other."""
TOLERANCES_MM = (1.0, 0.5)


def brats2024(
    prediction: Mapping[str, Mask], truth: Mapping[str, Mask], spacing_mm: Spacing, voxels: int
) -> dict[str, Scores]:
    """BraTS 2024, adult glioma after treatment: Dice, HD95 and surface Dice lesion by lesion.

    Source: ``metrics_GLI.py`` of github.com/rachitsaluja/BraTS-2024-Metrics. As 2023, but: lesions of the
    prediction are merged by dilation too, 3 steps, 5 for NETC and RC; predicted lesions of 20 voxels or less
    (ET: 10) are removed first, and those of the truth ignored; lesions of ET, NETC, RC and SNFH that touch
    the same lesion of another of these tissues are one; a missed or false lesion is HD95 337. ``dice``,
    ``hd95``, sensitivity, specificity, ``global_nsd_10`` and ``global_nsd_05`` are its "legacy" ones, of the
    whole region without the removed lesions.

    Args:
        prediction: Region to mask ``(z, y, x)``, may be cropped.
        truth: The same regions.
        spacing_mm: Size of a voxel along ``(z, y, x)``.
        voxels: Of the whole volume.

    Returns:
        Region to metric to value.
    """
    ours: dict[str, Components] = {}
    theirs: dict[str, Lesions] = {}
    for region in truth:
        dilation = DILATIONS.get(region, 3)
        ours[region] = without_small(find_lesions(prediction[region], dilation).numbers, _ignored(region))
        theirs[region] = find_lesions(truth[region], dilation)
    their_numbers = {region: lesions.numbers for region, lesions in theirs.items()}
    scores = {}
    for region in truth:
        kept = ours[region] > 0
        mine = _joined(region, ours)[ours[region]]
        table = _joined(region, their_numbers)
        both = (mine, table[theirs[region].numbers], table[theirs[region].grown])
        lesions = score_lesions(
            *both,
            spacing_mm,
            ignored_mm3=_ignored(region),
            penalty_mm=PENALTY_2024_MM,
            tolerances_mm=TOLERANCES_MM,
        )
        scores[region] = {
            **_of_lesions(lesions),
            **_of_region(kept, truth[region], spacing_mm, voxels),
            **shared_scores(prediction[region], truth[region], spacing_mm),
        }
    return scores


def _ignored(region: str) -> int:
    return IGNORED.get(region, 20)


def _joined(region: str, numbers: Mapping[str, Components]) -> Components:
    others = [numbers[other] for other in BESIDE.get(region, ()) if other in numbers]
    return join_beside(numbers[region], others)


def _of_lesions(lesions: LesionWise) -> Scores:
    at_1_mm, at_half = lesions.surface_dice
    return {
        "lesion_dice": lesions.dice,
        "lesion_hd95": lesions.hd95_mm,
        "lesion_surface_dice": at_1_mm,
        "lesion_surface_dice_05": at_half,
        "lesions_found": lesions.found,
        "lesions_missed": lesions.missed,
        "lesions_false": lesions.false,
    }


def _of_region(prediction: Mask, truth: Mask, spacing_mm: Spacing, voxels: int) -> Scores:
    sensitivity = of.sensitivity(prediction, truth)
    surfaces = compare_voxel_surfaces(prediction, truth, spacing_mm, TOLERANCES_MM, PENALTY_2024_MM)
    at_1_mm, at_half = surfaces.surface_dice
    return {
        "dice": of.dice(prediction, truth),
        "sensitivity": float(not prediction.any()) if sensitivity is None else sensitivity,
        "specificity": of.specificity(prediction, truth, voxels),
        "hd95": of.surfel_hd95_mm(prediction, truth, spacing_mm, PENALTY_2024_MM),
        "global_nsd_10": at_1_mm,
        "global_nsd_05": at_half,
    }
