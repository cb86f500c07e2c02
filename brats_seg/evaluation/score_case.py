"""Everything that is measured of one case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.artifacts.evaluation_folder import Row
from brats_seg.evaluation.conventions import MARGIN, METRICS, Convention, Scores
from brats_seg.evaluation.pairs import LabelMap, Pair
from brats_seg.evaluation.reading import read_label_map
from brats_seg.evaluation.uncertainty import Sums, calibration, uncertainty
from brats_seg.geometry import Box, bounding_box
from brats_seg.labels import encode_regions, label_values
from brats_seg.metrics.functional import dice
from brats_seg.metrics.surface import Mask
from brats_seg.terms import REGIONS


@dataclass(frozen=True)
class Wanted:
    """What to measure.

    Attributes:
        convention: Whose metrics.
        alone: Metrics of one pipeline alone that the cohort has, keys of :data:`brats_seg.evaluation.pairs.ALONE`.
        intervals: Between the thresholds of the uncertainty scores; 0 leaves them out.
        bins: Of the reliability diagram; 0 leaves it out.
    """

    convention: Convention
    alone: tuple[str, ...] = ()
    intervals: int = 0
    bins: int = 0


@dataclass(frozen=True)
class CaseScores:
    """What was measured of one case.

    Attributes:
        rows: One per region and metric.
        calibration: Region to the sums of its reliability diagram; empty where it was not wanted.
    """

    rows: list[Row]
    calibration: dict[str, Sums] = field(default_factory=dict)


def score_pair(pair: Pair, truth: nifti.Volume, wanted: Wanted) -> CaseScores:
    """Every metric of every region of one case; of a missing prediction the worst there is.

    Args:
        pair: The case.
        truth: Its reference, read.
        wanted: What to measure.

    Raises:
        CaseError: A file of the prediction cannot be read, or geometry or labels do not fit.
    """
    if pair.prediction is None:
        return CaseScores(list(_rows(pair, _worst(truth, pair, wanted))))
    prediction = read_label_map(pair.case, pair.prediction, like=truth)
    scores = _score(prediction, truth, pair, wanted.convention)
    for metric in wanted.alone:
        dices = _dice_alone(truth, pair, metric)
        for region, value in zip(REGIONS, dices, strict=True):
            scores[region][metric] = value
    whole = Box((0, 0, 0), truth.geometry.shape)
    sums: dict[str, Sums] = {}
    if wanted.intervals or wanted.bins:
        ours, theirs = _regions(prediction, pair.prediction, whole), _regions(truth, pair.reference, whole)
        for i, region in enumerate(REGIONS):
            if wanted.intervals:
                scores[region] |= uncertainty(pair, region, ours[i], theirs[i], truth, wanted.intervals)
            if wanted.bins:
                sums[region], scores[region]["ece"] = calibration(pair, region, theirs[i], truth, wanted.bins)
    return CaseScores(list(_rows(pair, scores)), sums)


def _score(
    prediction: nifti.Volume, truth: nifti.Volume, pair: Pair, convention: Convention
) -> dict[str, Scores]:
    box = around(prediction.array, truth.array)
    ours = _regions(prediction, pair.prediction or pair.reference, box)
    theirs = _regions(truth, pair.reference, box)
    spacing, voxels = truth.geometry.spacing_mm, truth.array.size
    return {
        name: convention.score(p, t, spacing, voxels)
        for name, p, t in zip(REGIONS, ours, theirs, strict=True)
    }


def _worst(truth: nifti.Volume, pair: Pair, wanted: Wanted) -> dict[str, Scores]:
    """Of a missing prediction: the worst value where a metric has one, else that of an empty prediction."""
    empty = replace(truth, array=np.zeros_like(truth.array))
    extras = [
        *wanted.alone,
        *(name for name in METRICS if name.startswith("uncertainty") and wanted.intervals),
    ]
    extras += ["ece"] if wanted.bins else []
    scores = _score(empty, truth, pair, wanted.convention)
    for values in scores.values():
        values |= dict.fromkeys(extras, 0.0)
        for metric, value in values.items():
            worst = wanted.convention.worst(metric)
            undefined = value is None and metric not in wanted.convention.ranked
            values[metric] = value if worst is None or undefined else worst
    return scores


def _dice_alone(truth: nifti.Volume, pair: Pair, metric: str) -> list[float | None]:
    """Dice per region of one pipeline's label map; undefined where there is none."""
    if (map_ := pair.alone.get(metric)) is None:
        return [None] * len(REGIONS)
    prediction = read_label_map(pair.case, map_, like=truth)
    box = around(prediction.array, truth.array)
    return [
        dice(p, t)
        for p, t in zip(_regions(prediction, map_, box), _regions(truth, pair.reference, box), strict=True)
    ]


def around(prediction: NDArray[np.number], truth: NDArray[np.number]) -> Box:
    """The box of both label maps with :data:`MARGIN`; one voxel where both are empty."""
    box = bounding_box((prediction != 0) | (truth != 0)) or Box((0, 0, 0), (1, 1, 1))
    z, y, x = (max(a - MARGIN, 0) for a in box.start)
    z1, y1, x1 = (min(b + MARGIN, n) for b, n in zip(box.stop, truth.shape, strict=True))
    return Box((z, y, x), (z1, y1, x1))


def _regions(volume: nifti.Volume, label_map: LabelMap, box: Box) -> Mask:
    cropped: NDArray[Any] = box.crop(volume.array)
    return encode_regions(cropped, label_values(label_map.labels))


def _rows(pair: Pair, scores: dict[str, Scores]) -> Iterator[Row]:
    for region, values in scores.items():
        for metric in (name for name in METRICS if name in values):
            value = values[metric]
            yield Row(pair.case, region, metric, None if value is None else float(value))
