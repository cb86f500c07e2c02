"""Lesions matched one to one; tests/evaluation/test_brats_evaluation.py asks the published program."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from brats_seg.metrics.matching import MatchedLesions, _pairs, match_lesions
from brats_seg.metrics.voxel_surfaces import VoxelSurfaces

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


def boxes(*corners: tuple[slice, slice, slice]) -> np.ndarray:
    mask = EMPTY.copy()
    for corner in corners:
        mask[corner] = True
    return mask


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("flipped", list(product((False, True), repeat=3)))
def test_ties_do_not_depend_on_the_order_of_voxels(axes: tuple[int, ...], flipped: tuple[bool, ...]) -> None:
    truth = cube(2, 2, 2, 8)
    compact = (slice(2, 4), slice(2, 4), slice(2, 4))
    long = (slice(9, 10), slice(9, 10), slice(2, 10))  # as many voxels, all of them in the lesion as well
    prediction = boxes(compact, long)
    step = tuple(slice(None, None, -1 if flip else 1) for flip in flipped)
    turned = [np.ascontiguousarray(mask.transpose(axes)[step]) for mask in (prediction, truth)]
    alone = [match_lesions(boxes(one), truth, MM, penalty_mm=373.0) for one in (compact, long)]
    assert alone[0].dice == alone[1].dice
    assert alone[0].hd95_mm != alone[1].hd95_mm
    found = match_lesions(*turned, MM, penalty_mm=373.0)
    better = min(alone, key=lambda each: each.hd95_mm or 0)
    assert (found.dice, found.hd95_mm, found.surface_dice) == (
        better.dice,
        pytest.approx(better.hd95_mm),
        pytest.approx(better.surface_dice),
    )
    assert (found.found, found.missed, found.false) == (1, 0, 1)


def test_of_equal_sums_the_one_with_more_pairs_wins() -> None:
    dices = np.array([[0.5, 0.25], [0.25, 0.0]])  # 0.5 alone, or 0.25 twice
    for order in ([0, 1], [1, 0]):
        pairs = _pairs(dices[order], lambda mine, other: VoxelSurfaces(1.0, (1.0,)))
        assert sorted(dices[order][pair] for pair in pairs) == [0.25, 0.25]
