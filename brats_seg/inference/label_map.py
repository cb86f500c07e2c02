"""Decide: probabilities to a label map of the whole volume. Covered by tests/inference/test_predict.py."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy.typing import NDArray

from brats_seg.geometry import Box
from brats_seg.labels import LabelValues, decode_regions


def label_map(
    probabilities: Float32[NDArray[np.float32], "region box_z box_y box_x"],
    box: Box,
    brain: Bool[NDArray[np.bool_], "z y x"],
    target: LabelValues,
    threshold: float,
) -> UInt8[NDArray[np.uint8], "z y x"]:
    """Threshold the regions, take their differences as labels, paste them back (section 2.6, first step).

    Args:
        probabilities: Of the box of the brain.
        box: Where it lies.
        brain: Of the whole volume; a voxel that is zero in every sequence is never tumour.
        target: Label values of the result.
        threshold: A voxel belongs to a region above it.

    Returns:
        Of the whole volume.
    """
    z, y, x = brain.shape
    whole: NDArray[np.uint8] = box.paste(decode_regions(probabilities > threshold, target), (z, y, x))
    whole[~brain] = 0
    return whole
