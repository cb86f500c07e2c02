"""Changes of a finished label map. The paper makes none, so both are off unless asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brats_seg.labels import LabelValues
from brats_seg.metrics.components import NEIGHBOURS_26


def small_enhancing_to_necrosis(
    label_map: NDArray[np.uint8], labels: LabelValues, *, below_mm3: float, voxel_mm3: float
) -> NDArray[np.uint8]:
    """Relabel the enhancing tumour of a case as necrosis where there is less of it than a threshold.

    A few enhancing voxels in a case that has none cost the whole Dice of that case.

    Args:
        label_map: ``(z, y, x)``.
        labels: What its values mean.
        below_mm3: The threshold, for all enhancing tumour of the case together; 0 changes nothing.
        voxel_mm3: Volume of one voxel.

    Returns:
        The label map itself where nothing changes, else a new one.

    >>> from brats_seg.labels import LABEL_VALUES
    >>> little = np.array([[[0, 2, 4]]], np.uint8)
    >>> small_enhancing_to_necrosis(little, LABEL_VALUES["brats2020"], below_mm3=2, voxel_mm3=1).tolist()
    [[[0, 2, 1]]]
    """
    enhancing = label_map == labels.enhancing
    if not 0 < np.count_nonzero(enhancing) * voxel_mm3 < below_mm3:
        return label_map
    return np.where(enhancing, np.uint8(labels.necrosis), label_map)


def remove_small_components(
    label_map: NDArray[np.uint8], *, below_mm3: float, voxel_mm3: float
) -> NDArray[np.uint8]:
    """Clear the connected components of the whole tumour that are smaller than a threshold.

    Voxels that touch by a corner are one component, as in the lesion-wise scores of BraTS 2023.

    Args:
        label_map: ``(z, y, x)``.
        below_mm3: The threshold, per component; 0 changes nothing.
        voxel_mm3: Volume of one voxel.

    Returns:
        The label map itself where nothing changes, else a new one.
    """
    if below_mm3 <= 0:
        return label_map
    components, _ = ndimage.label(label_map != 0, structure=NEIGHBOURS_26)
    small = np.bincount(components.ravel()) * voxel_mm3 < below_mm3
    small[0] = False
    return np.where(small[components], np.uint8(0), label_map)
