"""Decide: probabilities to a label map of the whole volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brats_seg.labels import LabelConvention, decode_regions
from brats_seg.preprocessing import Prepared


def label_map(
    probabilities: NDArray[np.float32], prepared: Prepared, brain: NDArray[np.bool_], target: LabelConvention, threshold: float
) -> NDArray[np.uint8]:
    """Threshold the regions, take their differences as labels, paste them back (section 2.6, first step).

    Args:
        probabilities: ``(region, z, y, x)`` of the brain box.
        prepared: Where the box lies.
        brain: ``(z, y, x)`` of the whole volume; a voxel that is zero in every sequence is never tumour.
        target: Convention of the result.
        threshold: A voxel belongs to a region above it.

    Returns:
        ``(z, y, x)`` uint8 of the whole volume.
    """
    whole = prepared.box.paste(decode_regions(probabilities > threshold, target), prepared.shape)
    whole[~brain] = 0
    return whole
