"""Lesions matched one to one; tests/evaluation/test_brats_evaluation.py asks the published program."""

from __future__ import annotations

import numpy as np
import pytest

from brats_seg.metrics.matching import MatchedLesions, match_lesions

MM = (1.0, 1.0, 1.0)
EMPTY = np.zeros((24, 24, 24), bool)


def cube(z: int, y: int, x: int, side: int = 4) -> np.ndarray:
    mask = EMPTY.copy()
    mask[z : z + side, y : y + side, x : x + side] = True
    return mask


ONE, MOVED, OTHER, FAR = cube(2, 2, 2), cube(3, 2, 2), cube(2, 2, 16), cube(16, 16, 16)
HALF = 2 * 48 / 128  # Dice of ONE and MOVED


@pytest.mark.parametrize(
    ("prediction", "truth", "wanted"),
    [
        (EMPTY, EMPTY, MatchedLesions(None, None, None, None, 0, 0, 0)),
        (ONE, EMPTY, MatchedLesions(0.0, 373.0, 0.0, 0.0, 0, 0, 1)),
        (EMPTY, ONE, MatchedLesions(0.0, 373.0, 0.0, 0.0, 0, 1, 0)),
        (FAR, ONE, MatchedLesions(0.0, 373.0, 0.0, 0.0, 0, 1, 1)),
        (ONE, ONE, MatchedLesions(1.0, 0.0, 1.0, 1.0, 1, 0, 0)),
        (MOVED, ONE, MatchedLesions(HALF, 1.0, 1.0, 1.0, 1, 0, 0)),
        (MOVED | FAR, ONE | OTHER, MatchedLesions(HALF, 1.0, 1.0, 0.5, 1, 1, 1)),
    ],
    ids=[
        "both empty",
        "no truth",
        "no prediction",
        "apart",
        "the same",
        "moved",
        "one pair, one missed, one false",
    ],
)
def test_golden_cases(prediction: np.ndarray, truth: np.ndarray, wanted: MatchedLesions) -> None:
    assert match_lesions(prediction, truth, MM, penalty_mm=373.0) == wanted


def test_the_best_assignment_wins_over_the_best_pair() -> None:
    truth = cube(2, 2, 2, 6) | cube(2, 2, 9, 6)
    prediction = cube(2, 2, 2, 1)  # one voxel, in the first lesion of the truth alone
    prediction[2:8, 2:8, 4:14] = True  # most of both
    found = match_lesions(prediction, truth, MM, penalty_mm=373.0)
    assert (found.found, found.missed, found.false) == (2, 0, 0)
    assert found.dice == pytest.approx((2 * 180 / (360 + 216) + 2 / (1 + 216)) / 2)
