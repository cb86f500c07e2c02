"""A head-shaped, skull-stripped brain: white matter, folded cortex, fluid, deep nuclei, vessels.

Covered by tests/phantom/test_cohort.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from brats_seg.geometry import Triple

Field = NDArray[np.float32]
HALF_AXES_MM = (68.0, 85.0, 68.0)
"""Of an adult cerebrum, ``(z, y, x)``."""
FILL = 0.46
"""Share of the volume's extent that a half axis takes at most."""


class Tissue(IntEnum):
    """What a voxel of the healthy brain is."""

    AIR, FLUID, GREY, WHITE, VESSEL, LESION = range(6)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A healthy brain.

    Attributes:
        tissue: ``(z, y, x)`` of :class:`Tissue`. LESION is age-related white matter change, as bright on
            FLAIR as oedema.
        position: ``(3, z, y, x)`` in half axes from the centre: 1 is the surface along an axis.
        scale: Voxels per millimetre of an adult's brain.
    """

    tissue: NDArray[np.uint8]
    position: Field
    scale: float

    @property
    def brain(self) -> NDArray[np.bool_]:
        """Everything inside the skull."""
        inside: NDArray[np.bool_] = self.tissue != Tissue.AIR
        return inside


def smooth_noise(rng: np.random.Generator, shape: Triple, sigma: float) -> Field:
    """Zero-mean unit-variance noise that varies over ``sigma`` voxels.

    Args:
        rng: Source of randomness.
        shape: ``(z, y, x)`` voxels.
        sigma: Width of the Gaussian, voxels.

    Returns:
        ``(z, y, x)``.
    """
    noise = gaussian_filter(rng.standard_normal(shape, np.float32), sigma, mode="wrap", truncate=3)
    return np.asarray(noise / max(float(noise.std()), 1e-6), np.float32)


def make_anatomy(rng: np.random.Generator, shape: Triple) -> Anatomy:
    """One healthy brain that fills the volume as BraTS brains do.

    Args:
        rng: Source of randomness.
        shape: ``(z, y, x)`` voxels.

    Returns:
        Its tissues.
    """
    scale = min(FILL * n / half for n, half in zip(shape, HALF_AXES_MM, strict=True))
    stretch = rng.uniform(0.92, 1.0, 3)
    axes = []
    for n, half_mm, factor in zip(shape, HALF_AXES_MM, stretch, strict=True):
        from_centre = np.arange(n, dtype=np.float32) - (n - 1) / 2
        axes.append(from_centre / np.float32(half_mm * scale * factor))
    position = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
    z, y, x = position
    folds = smooth_noise(rng, shape, 3.5 * scale)
    radius = np.sqrt(z**2 + y**2 + np.abs(x) ** 2.2) + 0.012 * folds
    radius += 0.25 * np.clip(-z - 0.45, 0, None) * (1 + np.abs(y))  # a flat base
    tissue = np.full(shape, Tissue.AIR, np.uint8)
    tissue[radius < 1] = Tissue.WHITE
    _cortex(tissue, radius, folds, x, rng, scale)
    _deep(tissue, position, rng, scale)
    tissue[radius >= 1] = Tissue.AIR
    return Anatomy(tissue, position, scale)


def _cortex(
    tissue: NDArray[np.uint8], radius: Field, folds: Field, x: Field, rng: np.random.Generator, scale: float
) -> None:
    """Grey ribbon, sulci that cut into it, the fissure between the hemispheres, surface vessels."""
    winding = smooth_noise(rng, tissue.shape, 2.2 * scale)
    tissue[(radius > 0.84 + 0.05 * folds) & (radius < 1)] = Tissue.GREY
    near_sulcus = (np.abs(winding) < 0.42) & (radius > 0.72)
    tissue[near_sulcus & (tissue == Tissue.WHITE)] = Tissue.GREY
    tissue[(np.abs(winding) < 0.13) & (radius > 0.78)] = Tissue.FLUID
    tissue[(radius > 0.965) & (radius < 1)] = Tissue.FLUID
    fissure = (np.abs(x) < 0.02) & (radius > 0.45)
    tissue[fissure] = Tissue.FLUID
    tissue[(np.abs(x) < 0.04) & (radius > 0.93)] = Tissue.VESSEL
    course = smooth_noise(rng, tissue.shape, 4.0 * scale)
    tissue[(np.abs(course) < 0.05) & (np.abs(folds) < 0.3) & (radius > 0.5)] = Tissue.VESSEL


def _deep(tissue: NDArray[np.uint8], position: Field, rng: np.random.Generator, scale: float) -> None:
    """Deep nuclei, lateral and third ventricles with their plexus, white matter change around them."""
    z, y, x = position
    side = np.abs(x)
    wide = rng.uniform(0.8, 1.4)
    tissue[((z + 0.02) / 0.2) ** 2 + ((y + 0.05) / 0.3) ** 2 + ((side - 0.26) / 0.13) ** 2 < 1] = Tissue.GREY
    bend = side - 0.1 - 0.25 * np.clip(y - 0.05, 0, None)
    lateral = ((z - 0.16 + 0.3 * y**2) / 0.13) ** 2 + (y / 0.5) ** 2 + (bend / (0.075 * wide)) ** 2
    ragged = 0.35 * smooth_noise(rng, tissue.shape, 3.0 * scale)
    change = rng.uniform(1.1, 2.6)
    tissue[(lateral + ragged < change) & (tissue == Tissue.WHITE)] = Tissue.LESION
    tissue[lateral < 1] = Tissue.FLUID
    tissue[(lateral < 0.12) & (y > 0.05)] = Tissue.VESSEL  # choroid plexus takes up contrast
    tissue[(z / 0.14) ** 2 + (y / 0.2) ** 2 + (x / 0.025) ** 2 < 1] = Tissue.FLUID
    spots = smooth_noise(rng, tissue.shape, 2.5 * scale)
    tissue[(spots > rng.uniform(2.3, 3.2)) & (tissue == Tissue.WHITE)] = Tissue.LESION
