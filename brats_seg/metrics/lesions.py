"""Scores lesion by lesion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, find_objects

from brats_seg.geometry import bounding_box
from brats_seg.metrics.components import NEIGHBOURS_18, Components, components
from brats_seg.metrics.functional import dice, surfel_hd95_mm
from brats_seg.metrics.surface import Crop, Mask, Spacing
from brats_seg.metrics.voxel_surfaces import compare_voxel_surfaces


@dataclass(frozen=True)
class LesionWise:
    """Means over the truth's lesions and the false ones.

    Attributes:
        dice: False and missed lesions count 0; 1 where there is neither a lesion nor a false one.
        hd95_mm: False and missed lesions count the penalty; 0 where there is neither.
        found: Lesions of the truth that were found, at least in part.
        missed: Lesions of the truth that were not.
        false: Lesions of the prediction near none of the truth.
        surface_dice: As ``dice``, one per tolerance.
    """

    dice: float
    hd95_mm: float
    found: int
    missed: int
    false: int
    surface_dice: tuple[float, ...] = ()


def lesion_wise(
    prediction: Mask,
    truth: Mask,
    spacing_mm: Spacing,
    *,
    dilation: int,
    ignored_mm3: float,
    penalty_mm: float,
) -> LesionWise:
    """Lesion-wise Dice and HD95 as BraTS 2023 computes them.

    Source: github.com/rachitsaluja/BraTS-2023-Metrics, the evaluation code of that year. Lesions of the truth
        whose
    dilations touch are one. Every lesion of the prediction that meets the dilated lesion belongs to it, maybe
    to several. One that meets none is false, whatever its size. Lesions of the truth of ``ignored_mm3`` or
    less do not count, nor does what was predicted there. HD95 is
    :func:`brats_seg.metrics.functional.surfel_hd95_mm`.

    Args:
        prediction: Of one region.
        truth: Of the same region.
        spacing_mm: Voxel size along ``(z, y, x)``.
        dilation: Steps of dilation with 18 neighbours: 3 for gliomas.
        ignored_mm3: Lesions of the truth up to this volume are ignored: 50 for gliomas.
        penalty_mm: HD95 of a missed or false lesion: 374.

    Returns:
        Means and counts.
    """
    prediction, truth = _crop_with_margin(prediction, truth, dilation)
    grown, _ = components(binary_dilation(truth, NEIGHBOURS_18, iterations=dilation))
    ours, _ = components(prediction)
    theirs = np.where(truth, grown, np.int32(0))
    return score_lesions(ours, theirs, grown, spacing_mm, ignored_mm3=ignored_mm3, penalty_mm=penalty_mm)


def score_lesions(
    ours: Components,
    theirs: Components,
    grown: Components,
    spacing_mm: Spacing,
    *,
    ignored_mm3: float,
    penalty_mm: float,
    tolerances_mm: Sequence[float] = (),
) -> LesionWise:
    """Score every lesion of the truth with all predicted lesions that meet its dilation.

    Args:
        ours: Number of the predicted lesion of each voxel.
        theirs: That of the truth.
        grown: That of the truth, dilated.
        spacing_mm: Voxel size along ``(z, y, x)``.
        ignored_mm3: Lesions of the truth up to this volume are ignored.
        penalty_mm: HD95 of a missed or false lesion.
        tolerances_mm: Of the surface Dice.

    Returns:
        Means and counts.
    """
    sizes = np.bincount(ours.ravel())
    met = _meetings(grown, ours, len(sizes) - 1)
    volumes_mm3 = np.bincount(theirs.ravel())[1:] * float(np.prod(spacing_mm))
    counted = [number for number, volume in enumerate(volumes_mm3, 1) if volume > ignored_mm3]
    our_boxes, their_boxes = find_objects(ours), find_objects(theirs)
    scores = []
    for number in counted:
        mine = met[number]
        box = hull([their_boxes[number - 1], *(our_boxes[component - 1] for component in mine)])
        found, lesion = np.isin(ours[box], mine), theirs[box] == number
        scores.append(_score_lesion(found, lesion, spacing_mm, penalty_mm, tolerances_mm))
    false = int(np.count_nonzero(sizes[1:])) - len(set().union(*met.values()))
    worst = (0.0, penalty_mm, *(0.0 for _ in tolerances_mm))
    scores += [worst] * false
    if not scores:
        return LesionWise(1.0, 0.0, 0, 0, 0, (1.0,) * len(tolerances_mm))
    mean_dice, hd95, *surface_dice = (sum(column) / len(scores) for column in zip(*scores, strict=True))
    missed = sum(not met[number] for number in counted)
    return LesionWise(mean_dice, hd95, len(counted) - missed, missed, false, tuple(surface_dice))


def _score_lesion(
    found: Mask, lesion: Mask, spacing_mm: Spacing, penalty_mm: float, tolerances_mm: Sequence[float]
) -> tuple[float, ...]:
    """Dice, HD95 in mm, and the surface Dice at each tolerance."""
    hd95 = surfel_hd95_mm(found, lesion, spacing_mm, penalty_mm)
    if not tolerances_mm:
        return dice(found, lesion), hd95
    surfaces = compare_voxel_surfaces(found, lesion, spacing_mm, tolerances_mm, penalty_mm)
    return dice(found, lesion), hd95, *surfaces.surface_dice


def _meetings(grown: Components, ours: Components, n_ours: int) -> dict[int, list[int]]:
    """Dilated lesion of the truth to the lesions of the prediction that it touches, ascending."""
    met: dict[int, list[int]] = defaultdict(list)
    touching = (grown > 0) & (ours > 0)
    codes = np.unique(grown[touching].astype(np.int64) * (n_ours + 1) + ours[touching])
    for code in codes.tolist():
        lesion, component = divmod(code, n_ours + 1)
        met[lesion].append(component)
    return met


def hull(boxes: Sequence[tuple[slice, ...]]) -> tuple[slice, ...]:
    """The smallest box around boxes: many small lesions then cost no more than their own size."""
    around = []
    for axis in zip(*boxes, strict=True):
        start = min(part.start for part in axis)
        stop = max(part.stop for part in axis)
        around.append(slice(start, stop))
    return tuple(around)


def _crop_with_margin(prediction: Mask, truth: Mask, margin: int) -> tuple[Crop, Crop]:
    """Both masks in the box of their union and what dilation reaches around it."""
    box = bounding_box(prediction | truth)
    if box is None:
        return prediction[:1, :1, :1], truth[:1, :1, :1]
    z, y, x = truth.shape
    around = box.grown(margin, (z, y, x))
    return np.ascontiguousarray(around.crop(prediction)), np.ascontiguousarray(around.crop(truth))
