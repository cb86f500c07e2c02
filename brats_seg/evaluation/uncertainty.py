"""Scores of the maps that `brats-seg predict` writes beside the label map: uncertainty and probabilities.

Covered by tests/evaluation/test_evaluation.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.cases import brain_voxels
from brats_seg.errors import CaseError
from brats_seg.evaluation.measures import Scores
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
"""Of a reliability diagram, as from :func:`brats_seg.metrics.uncertainty.calibration_bins`."""


class ProbabilisticMaps:
    """The uncertainty and the probabilities of one case.

    Args:
        pair: The case; it has a prediction.
        like: The truth, whose place in space every map must have.

    Raises:
        CaseError: No image shows the brain, outside which neither is scored.
    """

    def __init__(self, pair: Pair, like: nifti.Volume) -> None:
        assert pair.prediction is not None
        self.case, self.like = pair.case, like
        self.folder = PredictionFolder(pair.prediction.path.parent)
        if pair.brain is None:
            expected = "references in a case tree, whose images show the brain"
            raise CaseError(pair.case, expected=expected, found="label maps alone")
        orientation = None if pair.reference is None else pair.reference.orientation
        self.brain: Mask = brain_voxels(read_volume(pair.case, pair.brain, like, orientation).array)

    def score_uncertainty(self, region: str, prediction: Mask, truth: Mask, intervals: int) -> Scores:
        """The scores of the uncertainty task for one region.

        Args:
            region: Its name.
            prediction: The region, ``(z, y, x)``, of the whole volume.
            truth: Same shape.
            intervals: Between the thresholds.

        Returns:
            Metric to value.

        Raises:
            CaseError: There is no map of uncertainty, or its values are not 0 to 100.
        """
        path = self.folder.uncertainty(self.case, region)
        uncertainty = self._read(path, MAXIMUM, "predict with uncertainty=variance")
        scores = uncertainty_scores(prediction, truth, uncertainty, self.brain, intervals=intervals)
        return {
            "uncertainty_dice": scores.dice_auc,
            "uncertainty_ftp": scores.ftp_auc,
            "uncertainty_ftn": scores.ftn_auc,
            "uncertainty_score": scores.score,
        }

    def score_calibration(self, region: str, truth: Mask, bins: int) -> tuple[Sums, float | None]:
        """The reliability of the probabilities of one region, over the voxels of the brain.

        Args:
            region: Its name.
            truth: The region, ``(z, y, x)``, of the whole volume.
            bins: Of the reliability diagram.

        Returns:
            The sums of the diagram, and the expected calibration error.

        Raises:
            CaseError: There are no probabilities, or they are not 0 to 1.
        """
        path = self.folder.probability(self.case, region)
        probability = self._read(path, 1.0, "predict with probabilities=true")
        sums = calibration_bins(probability[self.brain], truth[self.brain], bins)
        return sums, expected_calibration_error(sums)

    def _read(self, path: Path, maximum: float, advice: str) -> NDArray[Any]:
        if not path.is_file():
            raise CaseError(self.case, file=path, expected="a file", found=f"none; {advice}")
        array = read_volume(self.case, path, self.like).array
        if not (array.min() >= 0 and array.max() <= maximum):  # false for NaN, too
            found = f"{array.min():g} to {array.max():g}"
            raise CaseError(self.case, file=path, expected=f"0 to {maximum:g}", found=found)
        return array
