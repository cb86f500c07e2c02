"""Lesion by lesion, against the published procedure of BraTS 2023 followed step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import binary_dilation, generate_binary_structure, label
from surface_distance import metrics as peer

from brats_seg.metrics.components import LesionCounts, count_lesions
from brats_seg.metrics.lesions import LesionWise, lesion_wise

MM = (1.0, 1.0, 1.0)
GLIOMA = {"dilation": 3, "ignored_mm3": 50.0, "penalty_mm": 374.0}
SHAPE = (40, 40, 40)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # surface-distance's use of scipy


def cube(z: int, y: int, x: int, side: int = 4) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[z : z + side, y : y + side, x : x + side] = True
    return mask


EMPTY = np.zeros(SHAPE, bool)
ONE, OTHER, FAR, SMALL = cube(3, 3, 3), cube(3, 3, 30), cube(30, 30, 30), cube(3, 30, 3, side=3)


@pytest.mark.parametrize(
    ("prediction", "truth", "wanted"),
    [
        (EMPTY, EMPTY, LesionWise(1.0, 0.0, 0, 0, 0)),
        (ONE, EMPTY, LesionWise(0.0, 374.0, 0, 0, 1)),
        (EMPTY, ONE, LesionWise(0.0, 374.0, 0, 1, 0)),
        (ONE, ONE, LesionWise(1.0, 0.0, 1, 0, 0)),
        (EMPTY, SMALL, LesionWise(1.0, 0.0, 0, 0, 0)),
        (SMALL, EMPTY, LesionWise(0.0, 374.0, 0, 0, 1)),
        (SMALL, SMALL, LesionWise(1.0, 0.0, 0, 0, 0)),
        (ONE, ONE | OTHER, LesionWise(0.5, 187.0, 1, 1, 0)),
        (ONE | FAR, ONE, LesionWise(0.5, 187.0, 1, 0, 1)),
        (ONE | FAR, ONE | OTHER, LesionWise(1 / 3, 374 * 2 / 3, 1, 1, 1)),
        (ONE | FAR, ONE | SMALL, LesionWise(0.5, 187.0, 1, 0, 1)),
    ],
    ids=[
        "both empty",
        "no truth",
        "no prediction",
        "the same",
        "too small to miss",
        "small, but false",
        "small, found",
        "one of two missed",
        "one false",
        "one missed and one false",
        "small missed, one false",
    ],
)
def test_golden_cases(prediction: np.ndarray, truth: np.ndarray, wanted: LesionWise) -> None:
    assert lesion_wise(prediction, truth, MM, **GLIOMA) == wanted


def test_near_lesions_of_the_truth_are_one() -> None:
    near, apart = ONE | cube(3, 3, 12), ONE | cube(3, 3, 16)  # 5 and 9 voxels between them
    assert lesion_wise(ONE, near, MM, **GLIOMA).missed == 0
    assert lesion_wise(ONE, apart, MM, **GLIOMA).missed == 1


def test_volume_counts_in_millimetres() -> None:
    assert lesion_wise(EMPTY, SMALL, (2.0, 1.0, 1.0), **GLIOMA) == LesionWise(0.0, 374.0, 0, 1, 0)


def published(
    prediction: np.ndarray, truth: np.ndarray, spacing: tuple[float, float, float]
) -> tuple[float, float]:
    """BraTS 2023, as its code goes about it, on the whole volume, each lesion dilated by itself."""
    structure = generate_binary_structure(3, 2)
    ours, number = label(prediction, np.ones((3, 3, 3)))
    grown, lesions = label(binary_dilation(truth, structure, iterations=3), np.ones((3, 3, 3)))
    dices, distances, hit = [], [], set()
    for lesion in range(1, lesions + 1):
        one = truth & (grown == lesion)
        met = set(ours[binary_dilation(one, structure, iterations=3)].tolist()) - {0}
        hit |= met
        if one.sum() * np.prod(spacing) <= 50:
            continue
        theirs = np.isin(ours, list(met))
        dices.append(2 * (theirs & one).sum() / (theirs.sum() + one.sum()))
        distances.append(
            peer.compute_robust_hausdorff(peer.compute_surface_distances(one, theirs, spacing), 95)
            if met
            else 374
        )
    false = number - len(hit)
    if not dices and not false:
        return 1.0, 0.0
    return sum(dices) / (len(dices) + false), (sum(distances) + 374 * false) / (len(dices) + false)


@pytest.mark.parametrize("seed", range(12))
def test_the_published_procedure_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = []
    for _ in range(2):
        mask = np.zeros((32, 36, 40), bool)
        for _ in range(rng.integers(1, 9)):
            start = rng.integers(0, 34, 3)
            mask[tuple(slice(s, s + n) for s, n in zip(start, rng.integers(1, 9, 3), strict=True))] = True
        masks.append(mask)
    spacing = MM if seed % 2 else (1.5, 0.8, 1.0)
    found = lesion_wise(masks[0], masks[1], spacing, **GLIOMA)
    assert (found.dice, found.hd95_mm) == pytest.approx(published(masks[0], masks[1], spacing), abs=1e-6)


def test_lesions_are_counted_across_corners() -> None:
    corner = np.zeros((4, 4, 4), bool)
    corner[0, 0, 0] = corner[1, 1, 1] = corner[3, 3, 3] = True
    assert count_lesions(corner, ~corner & False) == LesionCounts(truth=0, prediction=2, missed=0, false=2)


@given(data=st.data())
def test_counting_is_the_same_from_both_sides(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(min_dims=3, max_dims=3, max_side=5))
    a, b = (data.draw(arrays(bool, shape)) for _ in range(2))
    one, other = count_lesions(a, b), count_lesions(b, a)
    assert (one.truth, one.prediction, one.missed, one.false) == (
        other.prediction,
        other.truth,
        other.false,
        other.missed,
    )
