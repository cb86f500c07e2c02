"""Stitching gives what the whole volume gives, for networks that look no further than the margin."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from brats_seg.models.sliding_window import sliding_window

SHAPES = [(40, 56, 32), (16, 24, 72), (8, 8, 8), (32, 32, 32)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_identity(shape: tuple[int, int, int]) -> None:
    image = torch.rand(2, 4, *shape)
    torch.testing.assert_close(sliding_window(lambda x: x, image, (32, 32, 32)), image, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_one_convolution(shape: tuple[int, int, int]) -> None:
    image, kernel = torch.rand(1, 4, *shape), torch.randn(3, 4, 3, 3, 3) / 10

    def forward(x: torch.Tensor) -> torch.Tensor:
        return functional.conv3d(x, kernel, padding=1)

    torch.testing.assert_close(
        sliding_window(forward, image, (32, 32, 32)), forward(image), atol=1e-6, rtol=0
    )


def test_windows_start_where_pooling_of_the_whole_would_cut() -> None:
    image = torch.rand(1, 1, 40, 56, 72)

    def forward(x: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(functional.max_pool3d(x, 8), scale_factor=8.0, mode="nearest")

    torch.testing.assert_close(
        sliding_window(forward, image, (32, 32, 32)), forward(image), atol=1e-6, rtol=0
    )


def test_no_window_is_larger_than_asked_for() -> None:
    sizes = []

    def forward(x: torch.Tensor) -> torch.Tensor:
        sizes.append(tuple(x.shape[2:]))
        return x

    sliding_window(forward, torch.randn(1, 4, 144, 176, 96))
    assert set(sizes) == {(128, 128, 96)}
    assert len(sizes) == 2 * 2
