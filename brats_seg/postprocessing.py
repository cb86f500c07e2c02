"""What may be changed in a label map afterwards. The paper changes nothing, so both are off unless asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brats_seg.labels import LabelValues

NEIGHBOURS = ndimage.generate_binary_structure(3, 3)
"""Voxels that touch by a corner are one component, as in the lesion-wise scores of BraTS 2023."""


def small_enhancing_to_necrosis(
    label_map: NDArray[np.uint8], labels: LabelValues, *, below_mm3: float, voxel_mm3: float
) -> NDArray[np.uint8]:
    """Relabel the enhancing tumour of a case as necrosis where there is less of it than a threshold.

    A few enhancing voxels in a case that has none cost the whole Dice of that case.

    Args:
        label_map: ``(z, y, x)``.
        labels: Its convention.
        below_mm3: The threshold, for all enhancing tumour of the case together; 0 changes nothing.
        voxel_mm3: Volume of one voxel.
    """
    enhancing = label_map == labels.enhancing
    if not 0 < np.count_nonzero(enhancing) * voxel_mm3 < below_mm3:
        return label_map
    return np.where(enhancing, np.uint8(labels.necrosis), label_map)


def remove_small_components(
    label_map: NDArray[np.uint8], *, below_mm3: float, voxel_mm3: float
) -> NDArray[np.uint8]:
    """Clear the connected components of the whole tumour that are smaller than a threshold.

    Args:
        label_map: ``(z, y, x)``.
        below_mm3: The threshold, per component; 0 changes nothing.
        voxel_mm3: Volume of one voxel.
    """
    if below_mm3 <= 0:
        return label_map
    components, _ = ndimage.label(label_map != 0, structure=NEIGHBOURS)
    small = np.bincount(components.ravel()) * voxel_mm3 < below_mm3
    small[0] = False
    return np.where(small[components], np.uint8(0), label_map)


@dataclass(frozen=True)
class Enhancing:
    """One case's enhancing tumour, from which a threshold is chosen.

    Attributes:
        volume_mm3: Of what was predicted.
        kept: Its Dice as predicted.
        removed: Its Dice without any: 1 where the truth has none, else 0.
    """

    volume_mm3: float
    kept: float
    removed: float

    def dice(self, below_mm3: float) -> float:
        """With :func:`small_enhancing_to_necrosis`."""
        return self.removed if 0 < self.volume_mm3 < below_mm3 else self.kept


def best_enhancing_threshold(cases: Sequence[Enhancing]) -> int:
    """The threshold in mm^3 with the highest mean Dice; the smallest of equals, so 0 where nothing is gained."""
    candidates = sorted({0, *(int(case.volume_mm3) + 1 for case in cases)})
    return max(
        candidates, key=lambda below: sum(case.dice(below) for case in cases)
    )  # max keeps the first of equals
