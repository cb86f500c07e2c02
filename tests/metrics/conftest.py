"""Pairs of masks, from shapeless noise to blobs, and references that follow the definitions word by word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

Pair = tuple[np.ndarray, np.ndarray]
Spacing = tuple[float, float, float]


def random_pairs(number: int, *, seed: int = 0, largest: int = 14) -> Iterator[Pair]:
    """Two masks of one shape: noise or smooth blobs, alike or not, one in eight empty."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        shape = tuple(rng.integers(1, largest, 3))
        first = gaussian_filter(rng.normal(size=shape), rng.choice([0, 1, 2]))
        second = first + rng.choice([0.0, 0.5, 5.0]) * gaussian_filter(rng.normal(size=shape), 1)
        masks = [field > np.quantile(field, rng.uniform(0.2, 0.98)) for field in (first, second)]
        first, second = (np.zeros_like(mask) if rng.random() < 1 / 8 else mask for mask in masks)
        yield first, second


def brute_surface(mask: np.ndarray) -> np.ndarray:
    """Coordinates of the mask's voxels that have a 6-neighbour outside it, one voxel after the other."""
    inside = set(map(tuple, np.argwhere(mask)))
    steps = [step for step in product((-1, 0, 1), repeat=3) if np.abs(step).sum() == 1]
    return np.array(
        [v for v in sorted(inside) if any(tuple(np.add(v, s)) not in inside for s in steps)]
    ).reshape(-1, 3)


def brute_hd95(a: np.ndarray, b: np.ndarray, spacing: Spacing) -> float:
    """Every distance between every two surface voxels."""
    first, second = (brute_surface(mask) * spacing for mask in (a, b))
    if not len(first) or not len(second):
        return 0.0 if len(first) == len(second) else 373.12866
    distances = cdist(first, second)
    return max(percentile_95(distances.min(1)), percentile_95(distances.min(0)))


def percentile_95(values: np.ndarray) -> float:
    """Linear between the two values around rank 0.95 (n - 1)."""
    ordered, place = np.sort(values), 0.95 * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    return list(random_pairs(240))


@pytest.fixture(scope="session")
def both_full(pairs: list[Pair]) -> list[Pair]:
    return [(a, b) for a, b in pairs if a.any() and b.any()]


@pytest.fixture(scope="session")
def reference_hd95() -> Callable[[np.ndarray, np.ndarray, Spacing], float]:
    return brute_hd95


@pytest.fixture(params=[(1.0, 1.0, 1.0), (3.0, 0.7, 1.5)], ids=["1 mm", "anisotropic"])
def spacing(request: pytest.FixtureRequest) -> Spacing:
    return request.param
