"""Gamma, blur and low resolution, against scipy and by their laws."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy import ndimage

from brats_seg.augment.intensity import (
    along_axes,
    blur_matrix,
    channel_deviation,
    gamma_changed,
    low_resolution_matrix,
)

STRENGTHS = (0.5, 0.7, 1.0, 0.9)


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(4, 14, 9, 17, generator=torch.Generator().manual_seed(0)) * 2 + 1


def test_blur_is_scipy_s_gaussian_over_what_lies_inside(image: torch.Tensor) -> None:
    blurred = along_axes(image, partial(blur_matrix, STRENGTHS))
    for ours, before, deviation in zip(blurred, image, STRENGTHS, strict=True):
        options = {"sigma": deviation, "mode": "constant", "truncate": 12.0}
        weight = ndimage.gaussian_filter(np.ones(before.shape), **options)
        expected = ndimage.gaussian_filter(before.numpy().astype(np.float64), **options) / weight
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-4)


def test_low_resolution_is_a_choice_of_voxels_and_scipy_s_interpolation(image: torch.Tensor) -> None:
    coarse = along_axes(image, partial(low_resolution_matrix, STRENGTHS))
    for ours, before, share in zip(coarse, image, STRENGTHS, strict=True):
        counts = [max(round(n * share), 1) for n in before.shape]
        kept = [
            np.floor((np.arange(m) + 0.5) * n / m).astype(int)
            for m, n in zip(counts, before.shape, strict=True)
        ]
        chosen = before.numpy().astype(np.float64)[np.ix_(*kept)]
        places = [(np.arange(n) + 0.5) * m / n - 0.5 for m, n in zip(counts, before.shape, strict=True)]
        grid = np.stack(np.meshgrid(*places, indexing="ij"))
        expected = ndimage.map_coordinates(chosen, grid, order=1, mode="nearest")
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(
    "matrix", [partial(blur_matrix, (1e-3,) * 4), partial(low_resolution_matrix, (1.0,) * 4)]
)
def test_no_strength_is_identity(image: torch.Tensor, matrix: partial[torch.Tensor]) -> None:
    torch.testing.assert_close(along_axes(image, matrix), image)


@pytest.mark.parametrize(
    "matrix", [partial(blur_matrix, STRENGTHS), partial(low_resolution_matrix, STRENGTHS)]
)
def test_a_constant_stays_constant(matrix: partial[torch.Tensor]) -> None:
    constant = torch.full((4, 6, 7, 8), 3.0)
    torch.testing.assert_close(along_axes(constant, matrix), constant)


def test_gamma_is_monotone_and_keeps_both_ends(image: torch.Tensor) -> None:
    exponents = (0.7, 1.0, 1.5, 1.2)
    changed = gamma_changed(image, exponents)
    torch.testing.assert_close(changed[1], image[1])
    for after, before in zip(changed, image, strict=True):
        assert float(after.min()) == pytest.approx(float(before.min()), abs=1e-5)
        assert float(after.max()) == pytest.approx(float(before.max()), abs=1e-4)
        order = before.flatten().argsort()
        assert (after.flatten()[order].diff() >= 0).all()
    assert (changed[0] >= image[0] - 1e-5).all()
    assert (changed[2] <= image[2] + 1e-5).all()
    constant = torch.full((4, 3, 3, 3), 2.0)
    torch.testing.assert_close(gamma_changed(constant, exponents), constant)


def test_deviation_of_what_is_not_zero(image: torch.Tensor) -> None:
    image = image.clone()
    image[:, :5] = 0
    image[3] = 0
    deviations = channel_deviation(image).flatten()
    for found, channel in zip(deviations[:3], image[:3], strict=True):
        assert float(found) == pytest.approx(float(channel[channel != 0].std(correction=0)), rel=1e-4)
    assert float(deviations[3]) == 0
