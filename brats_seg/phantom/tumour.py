"""Gliomas that follow the label semantics: necrotic core, enhancing rim, oedema along the white matter.

Covered by tests/phantom/test_cohort.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brats_seg.geometry import Triple
from brats_seg.labels import LabelValues
from brats_seg.phantom.anatomy import Anatomy, Field, Tissue, smooth_noise

MULTIFOCAL = 0.2
"""Share of cases with a second focus."""
CORE_RADIUS_MM = (13.0, 28.0)
GAPS = (-2.5, -0.8)
"""Range of the level, in standard deviations of a smooth field, below which a rim does not enhance."""


def make_tumour(
    rng: np.random.Generator, anatomy: Anatomy, labels: LabelValues, *, enhancing: bool
) -> NDArray[np.uint8]:
    """Label map ``(z, y, x)`` of one case.

    Args:
        rng: Source of randomness.
        anatomy: The brain it grows in.
        labels: Values of the result.
        enhancing: False: the core is solid and non-enhancing, as in gliomas of low grade.

    Returns:
        ``(z, y, x)``.
    """
    shape: Triple = anatomy.tissue.shape
    label_map = np.zeros(shape, np.uint8)
    foci = 2 if rng.random() < MULTIFOCAL else 1
    for focus in range(foci):
        radius = rng.uniform(*CORE_RADIUS_MM) * (0.6 if focus else 1.0)
        _grow(rng, anatomy, label_map, labels, radius, enhancing)
    return label_map


def _grow(
    rng: np.random.Generator,
    anatomy: Anatomy,
    label_map: NDArray[np.uint8],
    labels: LabelValues,
    radius_mm: float,
    enhancing: bool,
) -> None:
    distance = _distance(rng, anatomy, radius_mm)
    inside = anatomy.brain & (distance < 1)
    # Oedema follows the white matter and spares cortex, fluid and what is tumour already.
    reach = rng.uniform(1.25, 2.1)
    grips = np.zeros(len(Tissue))
    grips[[Tissue.WHITE, Tissue.LESION, Tissue.GREY]] = (1.0, 1.0, 0.72)
    grip = grips[anatomy.tissue]
    oedema = (distance < 1 + (reach - 1) * grip) & (grip > 0) & (label_map == 0)
    label_map[oedema] = labels.oedema
    label_map[inside] = labels.necrosis
    if enhancing:
        texture = smooth_noise(rng, label_map.shape, 2.0 * anatomy.scale)
        rim = inside & (distance > rng.uniform(0.4, 0.72) + 0.12 * texture)
        # Real rims have gaps; without them a network learns where enhancement should be, and finds it
        # everywhere.
        rim &= smooth_noise(rng, label_map.shape, 0.5 * radius_mm * anatomy.scale) > rng.uniform(*GAPS)
        label_map[rim] = labels.enhancing


def _distance(rng: np.random.Generator, anatomy: Anatomy, radius_mm: float) -> Field:
    """Distance from a random focus in core radii, with a ragged, stretched outline."""
    shape: Triple = anatomy.tissue.shape
    extent = np.sqrt((anatomy.position**2).sum(0))
    seeds = np.argwhere((extent < 0.72) & (extent > 0.25) & (anatomy.tissue == Tissue.WHITE))
    focus = seeds[rng.integers(len(seeds))]
    radius = radius_mm * anatomy.scale
    stretch = rng.uniform(0.75, 1.3, 3)
    grids = np.ogrid[tuple(slice(0, n) for n in shape)]
    squares = sum(((g - c) / (radius * s)) ** 2 for g, c, s in zip(grids, focus, stretch, strict=True))
    outline = smooth_noise(rng, shape, max(0.45 * radius, 1.0))
    return np.asarray(np.sqrt(squares) + 0.16 * outline, np.float32)
