"""Score one case. Covered by tests/evaluation/test_conventions.py and test_evaluation.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from brats_seg import nifti
from brats_seg.artifacts.label_maps import LabelMap
from brats_seg.artifacts.scores import Row
from brats_seg.errors import CaseError
from brats_seg.evaluation.conventions import MARGIN, Convention
from brats_seg.evaluation.measures import METRICS, Scores
from brats_seg.evaluation.pairs import Pair
from brats_seg.evaluation.reading import read_label_map
from brats_seg.evaluation.uncertainty import ProbabilisticMaps, Sums
from brats_seg.evaluation.wanted import Wanted
from brats_seg.geometry import Box, bounding_box
from brats_seg.labels import label_values, region_masks
from brats_seg.metrics.functional import dice
from brats_seg.metrics.surface import Mask
from brats_seg.terms import REGIONS

WITHOUT_TRUTH = ("sensitivity", "specificity")
"""Metrics that are undefined where the truth has nothing to find, or nothing else, whatever is predicted."""
ONE_VOXEL = Box((0, 0, 0), (1, 1, 1))


@dataclass(frozen=True, eq=False)
class Truth:
    """The reference of one case, in memory.

    Attributes:
        volume: The label map, ``(z, y, x)``.
        regions: Region to mask ``(z, y, x)``.
    """

    volume: nifti.Volume
    regions: dict[str, Mask]


@dataclass(frozen=True)
class CaseScores:
    """What was measured of one case.

    Attributes:
        rows: One per region and metric.
        reliability: Region to the sums of its reliability diagram; empty where it was not wanted.
    """

    rows: list[Row]
    reliability: dict[str, Sums] = field(default_factory=dict)


def read_truth(pair: Pair, convention: Convention) -> Truth:
    """Read the reference of a case.

    Args:
        pair: The files of the case.
        convention: Whose regions.

    Returns:
        The reference.

    Raises:
        CaseError: There is none, it cannot be read, or holds another label value.
    """
    if pair.reference is None:
        raise CaseError(pair.case, expected="a reference", found="none")
    volume = read_label_map(pair.case, pair.reference)
    labels = label_values(pair.reference.labels)
    return Truth(volume, region_masks(volume.array, labels, convention.regions_in(labels)))


def score_pair(pair: Pair, truth: Truth, wanted: Wanted) -> CaseScores:
    """Every metric of every region of one case; of a missing prediction the worst there is.

    Args:
        pair: The files of the case.
        truth: Its reference.
        wanted: What to measure.

    Returns:
        The scores.

    Raises:
        CaseError: A file of the prediction cannot be read, lies elsewhere, or holds another label value.
    """
    if pair.prediction is None:
        return CaseScores(list(_rows(pair, _worst_scores(truth, wanted))))
    prediction = _read_regions(pair, pair.prediction, truth)
    scores = _score(prediction, truth, wanted.convention)
    for name in wanted.further_metrics:
        pipeline = METRICS[name].pipeline
        if pipeline is not None:
            _add(scores, name, _dice_of(pipeline, pair, truth))
    reliability: dict[str, Sums] = {}
    if wanted.intervals or wanted.bins:
        maps = ProbabilisticMaps(pair, truth.volume)
        for region in REGIONS:
            ours, theirs = prediction[region], truth.regions[region]
            if wanted.intervals:
                scores[region] |= maps.score_uncertainty(region, ours, theirs, wanted.intervals)
            if wanted.bins:
                sums, error = maps.score_calibration(region, theirs, wanted.bins)
                reliability[region], scores[region]["ece"] = sums, error
    return CaseScores(list(_rows(pair, scores)), reliability)


def box_with_margin(prediction: Mask, truth: Mask) -> Box:
    """The box around two masks with :data:`brats_seg.evaluation.conventions.MARGIN`.

    Args:
        prediction: ``(z, y, x)``.
        truth: Same shape.

    Returns:
        The box; around one voxel where both masks are empty.
    """
    z, y, x = truth.shape
    return (bounding_box(prediction | truth) or ONE_VOXEL).grown(MARGIN, (z, y, x))


def _read_regions(pair: Pair, label_map: LabelMap, truth: Truth) -> dict[str, Mask]:
    volume = read_label_map(pair.case, label_map, like=truth.volume)
    return region_masks(volume.array, label_values(label_map.labels), truth.regions)


def _crop(prediction: dict[str, Mask], truth: Truth) -> tuple[dict[str, Mask], dict[str, Mask]]:
    """Both in the box around all their regions."""
    ours, theirs = np.zeros_like(truth.volume.array, np.bool_), np.zeros_like(truth.volume.array, np.bool_)
    for region, mask in truth.regions.items():
        ours |= prediction[region]
        theirs |= mask
    box = box_with_margin(ours, theirs)
    cropped = {region: box.crop(mask) for region, mask in prediction.items()}
    return cropped, {region: box.crop(mask) for region, mask in truth.regions.items()}


def _score(prediction: dict[str, Mask], truth: Truth, convention: Convention) -> dict[str, Scores]:
    spacing_mm, voxels = truth.volume.geometry.spacing_mm, truth.volume.array.size
    return convention.score(*_crop(prediction, truth), spacing_mm, voxels)


def _worst_scores(truth: Truth, wanted: Wanted) -> dict[str, Scores]:
    """Of a missing prediction: the worst value where a metric has one, else that of an empty prediction."""
    nothing = {region: np.zeros_like(mask) for region, mask in truth.regions.items()}
    scores = _score(nothing, truth, wanted.convention)
    for values in scores.values():
        values |= dict.fromkeys(wanted.further_metrics, 0.0)
        for metric, value in values.items():
            worst = wanted.convention.worst(metric)
            undefined = value is None and metric in WITHOUT_TRUTH
            values[metric] = value if worst is None or undefined else worst
    return scores


def _dice_of(pipeline: str, pair: Pair, truth: Truth) -> dict[str, float | None]:
    """Dice per region of one pipeline's label map; undefined where there is none."""
    label_map = pair.per_pipeline.get(pipeline)
    if label_map is None:
        return dict.fromkeys(truth.regions)
    ours, theirs = _crop(_read_regions(pair, label_map, truth), truth)
    return {region: dice(ours[region], theirs[region]) for region in theirs}


def _add(scores: dict[str, Scores], metric: str, values: dict[str, float | None]) -> None:
    for region, value in values.items():
        scores[region][metric] = value


def _rows(pair: Pair, scores: dict[str, Scores]) -> Iterator[Row]:
    for region, values in scores.items():
        for metric in METRICS:
            if metric in values:
                value = values[metric]
                yield Row(pair.case, region, metric, None if value is None else float(value))
