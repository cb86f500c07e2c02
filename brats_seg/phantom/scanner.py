"""What four sequences of one scanner make of tissue and tumour.

Covered by tests/phantom/test_cohort.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from brats_seg.labels import LabelValues
from brats_seg.phantom.anatomy import Anatomy, Tissue, smooth_noise
from brats_seg.terms import MODALITIES

HEALTHY = {
    #         fluid  grey  white vessel lesion
    "t1": (0.25, 0.60, 0.85, 0.45, 0.72),
    "t1ce": (0.25, 0.62, 0.86, 1.40, 0.73),
    "t2": (1.05, 0.62, 0.45, 0.35, 0.80),
    "flair": (0.18, 0.68, 0.56, 0.35, 0.98),
}
"""Relative signal. Vessels are as bright on T1ce as enhancing tumour, white matter change on FLAIR as oedema,
fluid on T2 as necrosis: no single threshold finds a tumour."""
TUMOUR = {
    #        necrosis oedema enhancing
    "t1": (0.38, 0.66, 0.58),
    "t1ce": (0.40, 0.67, 1.30),
    "t2": (0.95, 0.84, 0.74),
    "flair": (0.58, 1.00, 0.86),
}
NOISE = 0.035
"""Standard deviation of each channel of the complex signal, relative to white matter on T1."""


def acquire(
    rng: np.random.Generator, anatomy: Anatomy, label_map: NDArray[np.uint8], labels: LabelValues
) -> dict[str, NDArray[np.int16]]:
    """Make images with partial volume, texture, bias, Rician noise and the scanner's own scale.

    Args:
        rng: Source of randomness.
        anatomy: The healthy brain.
        label_map: ``(z, y, x)``: the tumour in it.
        labels: Its label values.

    Returns:
        Modality to ``(z, y, x)``, scanner units, background 0.
    """
    brain = anatomy.brain
    texture = smooth_noise(rng, brain.shape, 1.2 * anatomy.scale)
    images = {}
    for modality in MODALITIES:
        signal = _signal(rng, modality, anatomy, label_map, labels)
        signal = gaussian_filter(signal, max(0.6 * anatomy.scale, 0.4)) * (1 + 0.03 * texture)
        signal *= _bias(rng, anatomy)
        real, imaginary = _complex_noise(rng, brain.shape)
        noisy = np.hypot(real * NOISE + signal, imaginary * NOISE + 0.0)
        scaled = noisy * rng.uniform(150, 1500)
        image = np.clip(np.rint(scaled), 1, np.iinfo(np.int16).max)
        images[modality] = np.where(brain, image, 0).astype(np.int16)
    return images


def _signal(
    rng: np.random.Generator,
    modality: str,
    anatomy: Anatomy,
    label_map: NDArray[np.uint8],
    labels: LabelValues,
) -> NDArray[np.float32]:
    """Mean signal of every voxel; each case's tissues differ a little from the table."""
    levels = np.array([0.0, *HEALTHY[modality]], np.float32)
    healthy = levels * rng.uniform(0.93, 1.07, len(levels)).astype(np.float32)
    signal: NDArray[np.float32] = healthy[anatomy.tissue]
    values = (labels.necrosis, labels.oedema, labels.enhancing)
    for value, level in zip(values, TUMOUR[modality], strict=True):
        signal[label_map == value] = level * rng.uniform(0.9, 1.1)
    signal[~anatomy.brain] = healthy[Tissue.GREY]  # no dark seam from the blur; the mask comes last
    return signal


def _bias(rng: np.random.Generator, anatomy: Anatomy) -> NDArray[np.float32]:
    """A smooth coil sensitivity: the exponential of a small random quadratic."""
    z, y, x = anatomy.position
    a = rng.uniform(-0.09, 0.09, 6)
    return np.asarray(
        np.exp(a[0] * z + a[1] * y + a[2] * x + a[3] * z * y + a[4] * y * x + a[5] * x * x), np.float32
    )


def _complex_noise(
    rng: np.random.Generator, shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return rng.standard_normal(shape, np.float32), rng.standard_normal(shape, np.float32)
