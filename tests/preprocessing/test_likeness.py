"""Numbers that tell whether a case is like others do not change with units, or by normalisation."""

from __future__ import annotations

import numpy as np
import pytest

from brats_seg.preprocessing import MinMax, Normalisation, ZScore
from brats_seg.preprocessing.likeness import describe_image, disagreements, tumour_ml


@pytest.fixture
def image() -> np.ndarray:
    generator = np.random.default_rng(0)
    image = generator.gamma(3, 100, (4, 40, 40, 40)).astype(np.float32) + 1
    image[:, :5] = 0
    return image


@pytest.mark.parametrize("normalise", [MinMax(1, 99), ZScore()])
def test_normalisation_changes_nothing(image: np.ndarray, normalise: Normalisation) -> None:
    raw, seen = describe_image(image), describe_image(normalise(image))
    assert set(raw) == set(seen) and len(raw) == 9
    for name, value in raw.items():
        assert seen[name] == pytest.approx(value, abs=0.02), name


def test_another_contrast_changes_the_numbers(image: np.ndarray) -> None:
    other = image.copy()
    other[1] = 1000 - other[1].clip(0, 999)
    other[1, :5] = 0
    first, second = describe_image(image), describe_image(other)
    assert second["t1, median"] == first["t1, median"]
    assert second["t1ce, median"] > first["t1ce, median"] + 0.3


def test_a_constant_sequence_and_an_empty_one_have_no_numbers(image: np.ndarray) -> None:
    image[0], image[1] = 0, 5
    assert set(describe_image(image)) == {
        "brain, ml",
        *(f"{name}, {what}" for name in ("t2", "flair") for what in ("median", "middle half")),
    }


def test_volumes_and_disagreement() -> None:
    regions = np.zeros((3, 10, 10, 10), bool)
    regions[2, :5] = True
    assert tumour_ml(regions) == 0.5
    assert list(disagreements({"ET": 0.0, "TC": 0.5, "WT": 0.69})) == [
        "A and B disagree on WT: their Dice is 0.69, below 0.7"
    ]
    assert list(disagreements({})) == []
