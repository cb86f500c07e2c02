"""Scores of what `brats-seg predict` writes beside the label map: uncertainty and probabilities."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.errors import CaseError
from brats_seg.evaluation.conventions import Scores
from brats_seg.evaluation.pairs import Pair
from brats_seg.evaluation.reading import read_volume
from brats_seg.metrics.surface import Mask
from brats_seg.metrics.uncertainty import (
    MAXIMUM,
    calibration_bins,
    expected_calibration_error,
    uncertainty_scores,
)

Sums = NDArray[np.float64]
WORDS = {"WT": "whole", "TC": "core", "ET": "enhance"}
"""Region to its word in ``uncertainty/<id>_unc_<word>.nii.gz``."""


def uncertainty(
    pair: Pair, region: str, prediction: Mask, truth: Mask, like: nifti.Volume, intervals: int
) -> Scores:
    """The scores of the uncertainty task for one region.

    Raises:
        CaseError: There is no uncertainty, or it is not 0 to 100, or there is no brain to look at.
    """
    map_ = _read(
        pair,
        f"uncertainty/{pair.case}_unc_{WORDS[region]}.nii.gz",
        like,
        MAXIMUM,
        "predict with uncertainty=variance",
    )
    scores = uncertainty_scores(prediction, truth, map_, _brain(pair, like), intervals=intervals)
    short = {"uncertainty_" + name.removesuffix("_auc"): value for name, value in asdict(scores).items()}
    return {**short, "uncertainty_score": scores.score}


def calibration(
    pair: Pair, region: str, truth: Mask, like: nifti.Volume, bins: int
) -> tuple[Sums, float | None]:
    """The sums of the reliability diagram over the brain's voxels, and the expected calibration error.

    Raises:
        CaseError: There are no probabilities, or there is no brain to look at.
    """
    map_ = _read(
        pair, f"probabilities/{pair.case}_{region}.nii.gz", like, 1.0, "predict with probabilities=true"
    )
    brain = _brain(pair, like)
    sums = calibration_bins(map_[brain], truth[brain], bins)
    return sums, expected_calibration_error(sums)


def _read(pair: Pair, name: str, like: nifti.Volume, maximum: float, advice: str) -> NDArray[Any]:
    assert pair.prediction is not None
    path: Path = pair.prediction.path.parent / name
    if not path.is_file():
        raise CaseError(pair.case, file=path, expected="a file", found=f"none; {advice}")
    array = read_volume(pair.case, path, like).array
    if not (array.min() >= 0 and array.max() <= maximum):  # false for NaN, too
        raise CaseError(
            pair.case, file=path, expected=f"0 to {maximum:g}", found=f"{array.min():g} to {array.max():g}"
        )
    return array


def _brain(pair: Pair, like: nifti.Volume) -> Mask:
    if pair.brain is None:
        raise CaseError(
            pair.case,
            expected="references in a case tree, whose images show the brain",
            found="label maps alone",
        )
    brain: Mask = read_volume(pair.case, pair.brain, like).array != 0
    return brain
