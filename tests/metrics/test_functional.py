"""Scores against references that follow the definitions word by word, MONAI and surface-distance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from monai.metrics import compute_dice, compute_hausdorff_distance
from surface_distance import metrics as peer

from brats_seg.metrics.functional import (
    HD95_PENALTY_MM,
    dice,
    hd95_mm,
    sensitivity,
    specificity,
    surface_dice,
    surfel_hd95_mm,
    volume_difference_ml,
)

Pairs = list[tuple[np.ndarray, np.ndarray]]
Spacing = tuple[float, float, float]
MM = (1.0, 1.0, 1.0)
EMPTY = np.zeros((4, 5, 6), bool)
SOME = EMPTY.copy()
SOME[1:3, 2:4, 2:5] = True
FULL = ~EMPTY
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # surface-distance's use of scipy


@pytest.mark.parametrize(
    ("prediction", "truth", "wanted"),
    [
        (EMPTY, EMPTY, (1.0, None, 1.0, 0.0, 1.0, 0.0)),
        (SOME, EMPTY, (0.0, None, 1 - 12 / 120, HD95_PENALTY_MM, 0.0, 0.012)),
        (EMPTY, SOME, (0.0, 0.0, 1.0, HD95_PENALTY_MM, 0.0, -0.012)),
        (SOME, SOME, (1.0, 1.0, 1.0, 0.0, 1.0, 0.0)),
        (FULL, FULL, (1.0, 1.0, None, 0.0, 1.0, 0.0)),
    ],
    ids=["both empty", "no truth", "no prediction", "the same", "everything"],
)
def test_empty_and_full_masks(
    prediction: np.ndarray, truth: np.ndarray, wanted: tuple[float | None, ...]
) -> None:
    found = (
        dice(prediction, truth),
        sensitivity(prediction, truth),
        specificity(prediction, truth),
        hd95_mm(prediction, truth, MM),
        surface_dice(prediction, truth, MM, 1.0),
        volume_difference_ml(prediction, truth, MM),
    )
    assert found == pytest.approx(wanted)


@given(data=st.data())
def test_overlap_is_what_counting_voxel_by_voxel_gives(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(min_dims=3, max_dims=3, max_side=4))
    prediction, truth = (data.draw(arrays(bool, shape)) for _ in range(2))
    tp = fp = fn = tn = 0
    for ours, theirs in zip(prediction.flat, truth.flat, strict=True):
        tp, fp, fn, tn = (
            tp + (ours and theirs),
            fp + (ours and not theirs),
            fn + (theirs and not ours),
            tn + (not ours and not theirs),
        )
    assert dice(prediction, truth) == pytest.approx(2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1)
    assert sensitivity(prediction, truth) == (pytest.approx(tp / (tp + fn)) if tp + fn else None)
    assert specificity(prediction, truth) == (pytest.approx(tn / (tn + fp)) if tn + fp else None)
    assert specificity(prediction, truth, truth.size + 7) == pytest.approx((tn + 7) / (tn + 7 + fp))


def test_hd95_is_what_all_pairs_of_surface_voxels_give(
    pairs: Pairs, spacing: Spacing, reference_hd95: Callable[[np.ndarray, np.ndarray, Spacing], float]
) -> None:
    assert len(pairs) >= 200
    assert sum(not (a.any() and b.any()) for a, b in pairs) >= 20
    for a, b in pairs:
        assert hd95_mm(a, b, spacing) == pytest.approx(reference_hd95(a, b, spacing), abs=1e-6)


@given(data=st.data())
def test_hd95_of_any_two_masks(
    data: st.DataObject, reference_hd95: Callable[[np.ndarray, np.ndarray, Spacing], float]
) -> None:
    shape = data.draw(array_shapes(min_dims=3, max_dims=3, max_side=5))
    a, b = (data.draw(arrays(bool, shape)) for _ in range(2))
    spacing = data.draw(st.tuples(*[st.floats(0.2, 5)] * 3))
    assert hd95_mm(a, b, spacing) == pytest.approx(reference_hd95(a, b, spacing), abs=1e-6)


def test_far_corners() -> None:
    a, b = np.zeros((2, 155, 240, 240), bool)
    a[0, 0, 0] = b[-1, -1, -1] = True
    assert hd95_mm(a, b, MM) == pytest.approx(np.linalg.norm((154, 239, 239)))


def test_monai_agrees(both_full: Pairs, spacing: Spacing) -> None:
    for a, b in both_full:
        ours, theirs = (torch.from_numpy(mask)[None, None] for mask in (a, b))
        wanted = compute_hausdorff_distance(
            ours, theirs, include_background=True, percentile=95, spacing=spacing
        )
        assert hd95_mm(a, b, spacing) == pytest.approx(wanted.item(), abs=1e-4)
        assert dice(a, b) == pytest.approx(compute_dice(ours, theirs, ignore_empty=False).item(), abs=1e-4)


def test_surface_distance_agrees(both_full: Pairs, spacing: Spacing) -> None:
    for a, b in both_full:
        distances = peer.compute_surface_distances(b, a, spacing)
        for tolerance in (0.5, 1.0, 2.2):
            wanted = peer.compute_surface_dice_at_tolerance(distances, tolerance)
            assert surface_dice(a, b, spacing, tolerance) == pytest.approx(wanted, abs=1e-6)
        assert surfel_hd95_mm(a, b, spacing, 374.0) == pytest.approx(
            peer.compute_robust_hausdorff(distances, 95), abs=1e-6
        )


@given(data=st.data())
def test_what_no_metric_may_depend_on(data: st.DataObject) -> None:
    """Exchanging the masks, mirroring both, more background around both."""
    shape = data.draw(array_shapes(min_dims=3, max_dims=3, max_side=5))
    a, b = (data.draw(arrays(bool, shape)) for _ in range(2))
    around, mirrored = ([np.pad(m, 2) for m in (a, b)], [m[::-1, :, ::-1] for m in (a, b)])
    for metric in (dice, lambda p, t: hd95_mm(p, t, MM), lambda p, t: surface_dice(p, t, MM, 1.0)):
        assert metric(b, a) == pytest.approx(metric(a, b))
        assert metric(*mirrored) == pytest.approx(metric(a, b))
        assert metric(*around) == pytest.approx(metric(a, b))
