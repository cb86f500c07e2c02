"""Thresholds on blobs of known size."""

from __future__ import annotations

import numpy as np
import pytest

from brats_seg.labels import LABEL_VALUES
from brats_seg.postprocessing import remove_small_components, small_enhancing_to_necrosis

LABELS = LABEL_VALUES["brats2023"]


def blobs() -> np.ndarray:
    label_map = np.zeros((12, 12, 12), np.uint8)
    label_map[0:4, 0:4, 0:4] = LABELS.oedema  # 64 voxels of tumour, 8 of them enhancing
    label_map[1:3, 1:3, 1:3] = LABELS.enhancing
    label_map[8:10, 8:10, 8:10] = LABELS.necrosis  # 8 voxels, and one that touches them by a corner
    label_map[10, 10, 10] = LABELS.oedema
    return label_map


@pytest.mark.parametrize(("below", "gone"), [(0, False), (8, False), (8.001, True), (1000, True)])
def test_little_enhancing_tumour_becomes_necrosis(below: float, gone: bool) -> None:
    before = blobs()
    after = small_enhancing_to_necrosis(before, LABELS, below_mm3=below, voxel_mm3=1)
    assert np.array_equal(before, blobs()), "the argument is left alone"
    assert (LABELS.enhancing in after) is not gone
    assert np.array_equal(after != 0, before != 0)
    assert np.count_nonzero(after == LABELS.necrosis) == 16 if gone else np.array_equal(after, before)


@pytest.mark.parametrize(("below", "left"), [(0, 73), (9, 73), (9.5, 64), (65, 0)])
def test_small_components_go_whole(below: float, left: int) -> None:
    after = remove_small_components(blobs(), below_mm3=below, voxel_mm3=1)
    assert after.dtype == np.uint8
    assert np.count_nonzero(after) == left
    assert np.array_equal(after[after != 0], blobs()[after != 0])


def test_thresholds_are_in_cubic_millimetres() -> None:
    assert LABELS.enhancing not in small_enhancing_to_necrosis(blobs(), LABELS, below_mm3=5, voxel_mm3=0.5)
    assert np.count_nonzero(remove_small_components(blobs(), below_mm3=5, voxel_mm3=0.5)) == 64


def test_nothing_stays_nothing() -> None:
    empty = np.zeros((3, 3, 3), np.uint8)
    assert not remove_small_components(empty, below_mm3=9, voxel_mm3=1).any()
    assert not small_enhancing_to_necrosis(empty, LABELS, below_mm3=9, voxel_mm3=1).any()
