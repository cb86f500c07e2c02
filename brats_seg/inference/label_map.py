"""Decide: probabilities to a label map of the whole volume. Covered by tests/inference/test_predict.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brats_seg.geometry import Box
from brats_seg.labels import LabelValues, decode_regions


def label_map(
    probabilities: NDArray[np.float32],
    box: Box,
    brain: NDArray[np.bool_],
    target: LabelValues,
    threshold: float,
) -> NDArray[np.uint8]:
    """Threshold the regions, take their differences as labels, paste them back (section 2.6, first step).

    Args:
        probabilities: ``(region, z, y, x)`` of the brain box.
        box: Where it lies.
        brain: ``(z, y, x)`` of the whole volume; a voxel that is zero in every sequence is never tumour.
        target: Label values of the result.
        threshold: A voxel belongs to a region above it.

    Returns:
        ``(z, y, x)`` uint8 of the whole volume.
    """
    z, y, x = brain.shape
    whole: NDArray[np.uint8] = box.paste(decode_regions(probabilities > threshold, target), (z, y, x))
    whole[~brain] = 0
    return whole
