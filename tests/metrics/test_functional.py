"""Scores against brute force, scipy-free definitions and MONAI; every empty case by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics import compute_hausdorff_distance

from brats_seg.metrics.functional import HD95_PENALTY_MM, dice, hd95_mm, sensitivity, specificity
from brats_seg.metrics.regions import RegionDice

SPACING = (1.0, 2.0, 0.5)
masks = arrays(bool, (5, 6, 7), elements=st.booleans())
EMPTY, FULL = np.zeros((4, 4, 4), bool), np.ones((4, 4, 4), bool)
ONE = EMPTY.copy()
ONE[1, 2, 3] = True


def brute_surface(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1)
    points = [
        p
        for p in np.argwhere(padded)
        if not all(padded[tuple(p + step)] for axis in np.eye(3, dtype=int) for step in (axis, -axis))
    ]
    return (np.array(points) - 1) * SPACING


def brute_hd95(a: np.ndarray, b: np.ndarray) -> float:
    x, y = brute_surface(a), brute_surface(b)
    distances = np.linalg.norm(x[:, None] - y[None], axis=-1)
    return max(np.percentile(distances.min(1), 95), np.percentile(distances.min(0), 95))


@settings(max_examples=200, deadline=None)
@given(masks, masks)
def test_hd95_equals_brute_force(a: np.ndarray, b: np.ndarray) -> None:
    if a.any() and b.any():
        assert hd95_mm(a, b, SPACING) == pytest.approx(brute_hd95(a, b), abs=1e-6)
    assert hd95_mm(a, b, SPACING) == hd95_mm(b, a, SPACING)


@pytest.mark.parametrize("seed", range(20))
def test_hd95_equals_monai(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.random((12, 13, 14)) > rng.uniform(0.3, 0.99) for _ in range(2))
    a[2, 2, 2] = b[9, 9, 9] = True
    monai = compute_hausdorff_distance(
        torch.from_numpy(a)[None, None], torch.from_numpy(b)[None, None], include_background=True, percentile=95, spacing=SPACING
    )
    assert hd95_mm(a, b, SPACING) == pytest.approx(float(monai), abs=1e-4)


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        (EMPTY, EMPTY, (1.0, None, 1.0, 0.0)),
        (ONE, EMPTY, (0.0, None, 63 / 64, HD95_PENALTY_MM)),
        (EMPTY, ONE, (0.0, 0.0, 1.0, HD95_PENALTY_MM)),
        (ONE, ONE, (1.0, 1.0, 1.0, 0.0)),
        (FULL, FULL, (1.0, 1.0, None, 0.0)),
    ],
)
def test_empty_and_full(prediction: np.ndarray, truth: np.ndarray, expected: tuple[float | None, ...]) -> None:
    found = (
        dice(prediction, truth),
        sensitivity(prediction, truth),
        specificity(prediction, truth),
        hd95_mm(prediction, truth, (1, 1, 1)),
    )
    assert found == expected


@given(masks, masks)
def test_dice_sensitivity_specificity_follow_the_counts(a: np.ndarray, b: np.ndarray) -> None:
    tp, fp, fn, tn = (int((x & y).sum()) for x, y in ((a, b), (a, ~b), (~a, b), (~a, ~b)))
    if tp + fp + fn:
        assert dice(a, b) == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert sensitivity(a, b) == (pytest.approx(tp / (tp + fn)) if tp + fn else None)
    assert specificity(a, b) == (pytest.approx(tn / (tn + fp)) if tn + fp else None)


def test_region_dice_is_the_mean_over_cases() -> None:
    rng = np.random.default_rng(0)
    prediction, target = (rng.random((5, 3, 4, 5, 6)) > 0.6 for _ in range(2))
    prediction[0, 0] = target[0, 0] = False
    target[1, 1] = False
    metric = RegionDice()
    for k in range(5):
        metric.update(torch.from_numpy(prediction[k : k + 1]), torch.from_numpy(target[k : k + 1]))
    expected = [np.mean([dice(prediction[k, r], target[k, r]) for k in range(5)]) for r in range(3)]
    torch.testing.assert_close(metric.compute(), torch.tensor(expected, dtype=torch.float32))
