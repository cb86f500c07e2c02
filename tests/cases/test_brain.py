"""What is brain and what background: one rule, for reading and for checking."""

from __future__ import annotations

import numpy as np
import pytest

from brats_seg.cases import brain_voxels, inspect_case, read_case
from brats_seg.errors import CaseError


def with_halo(array: np.ndarray, value: float) -> np.ndarray:
    """The array with a constant in every voxel that is zero."""
    array = array.astype(np.float32)
    return np.where(array == 0, np.float32(value), array)


@pytest.mark.parametrize("value", [1e-6, 1e-4, -1e-3, 1e-2])
def test_what_is_nearly_zero_is_background_and_told(make, brain_of, value):
    clean = read_case(make.good())
    case = make.good(
        **{name: with_halo(brain_of(i), value) for i, name in enumerate(("t1", "t1ce", "t2", "flair"))}
    )
    loaded = read_case(case)
    np.testing.assert_array_equal(loaded.image, clean.image)
    assert len(loaded.notes) == 4
    assert "taken for background" in loaded.notes[0]
    findings = inspect_case(case)
    assert [finding.level for finding in findings] == ["note"] * 4


def test_integers_and_single_small_values_stay(make, brain_of):
    array = brain_of(0)
    array[5, 5, 5] = 1
    loaded = read_case(make.good(t1=array))
    assert loaded.image[0, 5, 5, 5] == 1
    assert loaded.notes == ()
    array = np.random.default_rng(0).normal(0, 300, (30, 30, 30)).astype(np.float32)
    assert brain_voxels(array).all()


@pytest.mark.parametrize("value", [-0.5, 5, 1000])
def test_another_background_is_told_with_its_value_share_and_extent(make, brain_of, value):
    array = brain_of(0).astype(np.float32)
    array[array == 0] = value
    case = make.good(t2=array)
    words = (
        rf"found the value {value:g} there, 7\d% of the voxels, around a box of 8 x 10 x 12 .*set the voxels"
    )
    with pytest.raises(CaseError, match=words):
        read_case(case)
    (error,) = inspect_case(case)
    assert "HD-BET" not in error.message


def test_noise_around_a_head_is_told_to_be_stripped(make, brain_of):
    noise = np.random.default_rng(0).integers(1, 9, brain_of(0).shape)
    with pytest.raises(CaseError, match=r"100% of the voxels, 0.0 litres, non-zero, in a box of .*HD-BET"):
        read_case(make.good(t1=(brain_of(0) + noise).astype(np.int16)))
