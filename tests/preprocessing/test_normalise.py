"""Normalisation against PAPER.md's formulas, written out independently."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import Case, LoadedCase
from brats_seg.errors import CaseError, UserError
from brats_seg.preprocessing import MinMax, ZScore, normalisation_from, prepare


@pytest.fixture
def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    image = rng.gamma(2.0, 300.0, (4, 12, 13, 14)).astype(np.float32)
    image[:, :3] = 0
    image[3] = 0  # a missing sequence
    return image


def test_min_max_follows_the_formula(image: np.ndarray) -> None:
    result = MinMax(1, 99)(image)
    for channel, got in zip(image[:3], result, strict=False):
        values = channel[channel != 0].astype(np.float64)
        low, high = np.percentile(values, [1, 99])
        expected = np.where(channel != 0, np.clip((channel - low) / (high - low), 0, 1), 0)
        np.testing.assert_allclose(got, expected, atol=1e-6)
    assert not result[3].any()


def test_z_score_has_zero_mean_unit_population_deviation(image: np.ndarray) -> None:
    result = ZScore()(image)
    for channel, got in zip(image[:3], result, strict=False):
        inside = got[channel != 0].astype(np.float64)
        assert abs(inside.mean()) < 1e-5
        assert abs(inside.std(ddof=0) - 1) < 1e-5
        assert not got[channel == 0].any()
    assert not result[3].any()


@pytest.mark.parametrize("normalise", [MinMax(1, 99), ZScore()])
def test_intensity_scale_does_not_matter(image: np.ndarray, normalise: MinMax | ZScore) -> None:
    np.testing.assert_allclose(normalise(image), normalise(image * np.float32(7)), atol=1e-4)


@pytest.mark.parametrize("normalise", [MinMax(1, 99), ZScore()])
def test_settings_rebuild_it(normalise: MinMax | ZScore) -> None:
    assert normalisation_from(normalise.settings()) == normalise


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"name": "os.system"},
        {"name": "z_score", "extra": 1},
        {"name": "min_max"},
        {"name": "min_max", "lower_percentile": "1", "upper_percentile": 99},
        {"name": "min_max", "lower_percentile": 99, "upper_percentile": 1},
    ],
)
def test_foreign_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UserError):
        normalisation_from(settings)


def test_a_case_without_a_brain_and_a_truth_without_label_values() -> None:
    geometry = nifti.lps_geometry((4, 5, 6))
    empty = LoadedCase(Case("one", {}), np.zeros((4, 4, 5, 6), np.float32), None, geometry, ())
    with pytest.raises(CaseError, match="expected a brain, found only zeros in every modality"):
        prepare(empty, ZScore())
    full = replace(empty, image=empty.image + 1, label_map=np.zeros((4, 5, 6), np.uint8))
    with pytest.raises(CaseError, match=r"expected data\.labels=NAME for its label values, found none"):
        prepare(full, ZScore())
