"""Volumes of the regions. Covered by its example and tests/inference/test_predict.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer
from numpy.typing import NDArray

from brats_seg.labels import LabelValues, encode_regions
from brats_seg.terms import REGIONS


def volumes_ml(
    label_map: Integer[NDArray[np.integer], "z y x"], labels: LabelValues, spacing_mm: Sequence[float]
) -> dict[str, float]:
    """How much of a case is what.

    Args:
        label_map: With the label values ``labels``.
        labels: What its values mean.
        spacing_mm: Of a voxel, along ``(z, y, x)``.

    Returns:
        Region to its volume in millilitres, to the microlitre.

    >>> from brats_seg.labels import label_values
    >>> volumes_ml(np.array([[[0, 1, 2, 4]]]), label_values("brats2020"), (1, 1, 1))
    {'ET': 0.001, 'TC': 0.002, 'WT': 0.003}
    """
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    regions = encode_regions(label_map, labels)
    named = zip(REGIONS, regions, strict=True)
    return {name: round(int(region.sum()) * voxel_ml, 3) for name, region in named}
