"""Both directions in one list, against the distances of every two surface voxels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from brats_seg.metrics.voxel_surfaces import VoxelSurfaces, compare_voxel_surfaces
from tests.metrics.conftest import Pair, Spacing, brute_surface, percentile_95

NOTHING = np.zeros((3, 4, 5), bool)


def test_brute_force_agrees(both_full: list[Pair], spacing: Spacing) -> None:
    for prediction, truth in both_full[:60]:
        found = compare_voxel_surfaces(prediction, truth, spacing, [1.0, 2.0], 337.0)
        apart = cdist(brute_surface(prediction) * spacing, brute_surface(truth) * spacing)
        forth, back = apart.min(1), apart.min(0)
        assert found.hd95_mm == pytest.approx(percentile_95(np.concatenate([forth, back])), abs=1e-9)
        for tolerance, share in zip((1.0, 2.0), found.surface_dice, strict=True):
            wanted = (np.mean(forth <= tolerance + 1e-9) + np.mean(back <= tolerance + 1e-9)) / 2
            assert share == pytest.approx(wanted, abs=1e-9)


def test_pooled_is_not_the_larger_of_both_directions(
    reference_hd95: Callable[[np.ndarray, np.ndarray, Spacing], float],
) -> None:
    truth = np.zeros((20, 20, 20), bool)
    truth[:10, :10, :10] = True
    prediction = truth.copy()
    prediction[15, :6, :6] = True  # 36 voxels: 7 % of the prediction's surface, 4 % of both together
    mm = (1.0, 1.0, 1.0)
    assert compare_voxel_surfaces(prediction, truth, mm, [], 337.0).hd95_mm == 0
    assert reference_hd95(prediction, truth, mm) == 6


def test_empty_masks() -> None:
    mm = (1.0, 1.0, 1.0)
    assert compare_voxel_surfaces(NOTHING, NOTHING, mm, [1.0], 337.0) == VoxelSurfaces(0.0, (1.0,))
    for pair in ((NOTHING, ~NOTHING), (~NOTHING, NOTHING)):
        assert compare_voxel_surfaces(*pair, mm, [1.0], 337.0) == VoxelSurfaces(337.0, (0.0,))
