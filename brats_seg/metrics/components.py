"""The lesions of a region: its 26-connected components, numbered and counted.

Covered by tests/metrics/test_lesions.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure, label

from brats_seg.geometry import bounding_box
from brats_seg.metrics.surface import Mask

Components = Int32[NDArray[np.int32], "z y x"]
NEIGHBOURS_26 = generate_binary_structure(3, 3)
"""Voxels that touch by a corner belong together."""
NEIGHBOURS_18 = generate_binary_structure(3, 2)


@dataclass(frozen=True)
class LesionCounts:
    """How many lesions there are, and how many of them have no voxel in common with the other mask.

    Attributes:
        truth: Lesions of the truth.
        prediction: Lesions of the prediction.
        missed: Lesions of the truth that the prediction does not touch.
        false: Lesions of the prediction that the truth does not touch.
    """

    truth: int
    prediction: int
    missed: int
    false: int


def components(mask: Mask) -> tuple[Components, int]:
    """The 26-connected components of a mask, numbered from 1, and how many there are."""
    found, number = label(mask, NEIGHBOURS_26)
    return found, int(number)


def count_lesions(prediction: Mask, truth: Mask) -> LesionCounts:
    """Count the 26-connected components of both masks, and those that the other mask does not touch.

    Args:
        prediction: Of one region.
        truth: Of the same region.

    Returns:
        The counts.
    """
    both = prediction & truth
    n_ours, ours_met = _count_and_met(prediction, both)
    n_theirs, theirs_met = _count_and_met(truth, both)
    missed, false = n_theirs - theirs_met, n_ours - ours_met
    return LesionCounts(truth=n_theirs, prediction=n_ours, missed=missed, false=false)


def _count_and_met(mask: Mask, shared: Mask) -> tuple[int, int]:
    """The components of a mask, and how many of them have a voxel in ``shared``, a part of the mask."""
    box = bounding_box(mask)
    if box is None:
        return 0, 0
    numbers, count = components(box.crop(mask))
    met = np.unique(numbers[box.crop(shared)])
    return count, met.size
