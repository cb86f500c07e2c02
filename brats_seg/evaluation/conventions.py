"""Scoring rules of the BraTS editions, by name. docs/evaluation.md compares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from brats_seg.errors import WrongValue
from brats_seg.evaluation.edition_2024 import DILATION_2024, PENALTY_2024_MM, REGIONS_2024, brats2024
from brats_seg.evaluation.edition_2026 import PENALTY_2026_MM, brats2026
from brats_seg.evaluation.measures import METRICS, Scores, shared_scores
from brats_seg.labels import LabelValues
from brats_seg.metrics import functional as of
from brats_seg.metrics.components import count_lesions
from brats_seg.metrics.lesions import lesion_wise
from brats_seg.metrics.surface import Mask, Spacing
from brats_seg.terms import REGIONS

Masks = Mapping[str, Mask]
"""Region to its mask."""
PENALTY_2023_MM = 374.0
DILATION_2023, IGNORED_2023_MM3 = 3, 50.0
"""Of BraTS-GLI in the evaluation code of 2023."""
MARGIN = DILATION_2024
"""Voxels around both masks that a crop must keep for every metric to be that of the whole volume."""


@dataclass(frozen=True)
class Convention:
    """One edition's way to score a region of a case.

    Attributes:
        name: Its key in :data:`CONVENTIONS`.
        score: ``(prediction, truth, spacing_mm, voxels of the volume)`` to scores per region; prediction and
            truth are masks ``(z, y, x)`` per region, which may be cropped, with :data:`MARGIN`.
        regions: That are scored; ``RC`` only where the label values of the truth have a cavity.
        ranked: Metrics that a ranking is made of.
        penalty_mm: Hausdorff distance of a missing prediction.
    """

    name: str
    score: Callable[[Masks, Masks, Spacing, int], dict[str, Scores]]
    regions: tuple[str, ...]
    ranked: tuple[str, ...]
    penalty_mm: float

    def regions_in(self, labels: LabelValues) -> tuple[str, ...]:
        """The regions that are scored where the truth has these label values."""
        return tuple(each for each in self.regions if each != "RC" or labels.cavity is not None)

    def worst(self, metric: str) -> float | None:
        """Value of a missing prediction, whatever the truth; None: that of an empty prediction."""
        found = METRICS[metric]
        return self.penalty_mm if found.kind == "distance" else found.worst


def brats2020(prediction: Mask, truth: Mask, spacing_mm: Spacing, voxels: int) -> Scores:
    """BraTS 2017 to 2022: Dice, sensitivity, specificity, HD95 of the whole region.

    Source: PAPER.md, "Metrics"; Bakas et al. 2018, section 3; the penalty of 373.12866 from the leaderboards
        of 2020. Both masks
    empty: Dice 1, HD95 0; one empty: 0 and 373.12866. Sensitivity without a truth is undefined.

    Args:
        prediction: One region, ``(z, y, x)``, may be cropped.
        truth: Same shape.
        spacing_mm: Size of a voxel along ``(z, y, x)``.
        voxels: Of the whole volume.

    Returns:
        Metric to value; None where it is undefined.
    """
    lesions = count_lesions(prediction, truth)
    return {
        "dice": of.dice(prediction, truth),
        "sensitivity": of.sensitivity(prediction, truth),
        "specificity": of.specificity(prediction, truth, voxels),
        "hd95": of.hd95_mm(prediction, truth, spacing_mm),
        **shared_scores(prediction, truth, spacing_mm),
        "lesions_truth": lesions.truth,
        "lesions_predicted": lesions.prediction,
        "lesions_missed": lesions.missed,
        "lesions_false": lesions.false,
    }


def brats2023(prediction: Mask, truth: Mask, spacing_mm: Spacing, voxels: int) -> Scores:
    """BraTS 2023, adult glioma: Dice and HD95 lesion by lesion.

    Source: github.com/rachitsaluja/BraTS-2023-Metrics. 26-connected components, truth lesions merged by three
        dilations, those of
    50 mm^3 or less ignored; a missed or false lesion is Dice 0 and HD95 374. Neither lesions nor false ones:
    1 and 0. ``dice`` and ``hd95`` are its "legacy" ones, of the whole region; sensitivity without a truth is
    1 where nothing is predicted, else 0.

    Args:
        prediction: One region, ``(z, y, x)``, may be cropped.
        truth: Same shape.
        spacing_mm: Size of a voxel along ``(z, y, x)``.
        voxels: Of the whole volume.

    Returns:
        Metric to value.
    """
    lesions = lesion_wise(
        prediction,
        truth,
        spacing_mm,
        dilation=DILATION_2023,
        ignored_mm3=IGNORED_2023_MM3,
        penalty_mm=PENALTY_2023_MM,
    )
    sensitivity = of.sensitivity(prediction, truth)
    return {
        "lesion_dice": lesions.dice,
        "lesion_hd95": lesions.hd95_mm,
        "dice": of.dice(prediction, truth),
        "sensitivity": float(not prediction.any()) if sensitivity is None else sensitivity,
        "specificity": of.specificity(prediction, truth, voxels),
        "hd95": of.surfel_hd95_mm(prediction, truth, spacing_mm, PENALTY_2023_MM),
        **shared_scores(prediction, truth, spacing_mm),
        "lesions_found": lesions.found,
        "lesions_missed": lesions.missed,
        "lesions_false": lesions.false,
    }


def _each(
    score: Callable[[Mask, Mask, Spacing, int], Scores],
    prediction: Masks,
    truth: Masks,
    spacing_mm: Spacing,
    voxels: int,
) -> dict[str, Scores]:
    """Score every region of a case by itself."""
    return {region: score(prediction[region], truth[region], spacing_mm, voxels) for region in truth}


LESION_WISE = ("lesion_dice", "lesion_hd95")
RANKED_2026 = ("lesion_dice", "lesion_hd95", "lesion_surface_dice", "lesion_f1")
CONVENTIONS = {
    "brats2020": Convention(
        "brats2020", partial(_each, brats2020), REGIONS, ("dice", "hd95"), of.HD95_PENALTY_MM
    ),
    "brats2023": Convention("brats2023", partial(_each, brats2023), REGIONS, LESION_WISE, PENALTY_2023_MM),
    "brats2024": Convention("brats2024", brats2024, REGIONS_2024, LESION_WISE, PENALTY_2024_MM),
    "brats2026": Convention(
        "brats2026", partial(_each, brats2026), (*REGIONS, "RC"), RANKED_2026, PENALTY_2026_MM
    ),
}


NEAREST_2025 = (
    "convention=brats2025 is none of ours: it was scored lesion by lesion by Panoptica, as 2026 is; "
    "convention=brats2026 is nearest, and brats2024 has the regions of its glioma task"
)


def find_convention(name: str) -> Convention:
    """Look a scoring convention up by name.

    Raises:
        WrongValue: The name is not known.
    """
    if name == "brats2025":
        raise WrongValue(NEAREST_2025)
    if name not in CONVENTIONS:
        raise WrongValue(f"unknown convention {name!r} of evaluation: use one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]
