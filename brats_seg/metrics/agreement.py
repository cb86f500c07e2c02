"""How far two label maps of one case agree. Covered by its example and tests/inference/test_merge.py."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer
from numpy.typing import NDArray

from brats_seg.labels import LabelValues, encode_regions
from brats_seg.metrics.functional import dice
from brats_seg.terms import REGIONS

LabelMap = Integer[NDArray[np.integer], "z y x"]


def agreement(one: LabelMap, other: LabelMap, labels: LabelValues) -> dict[str, float]:
    """Dice of two label maps of one shape.

    Args:
        one: With the label values ``labels``.
        other: Likewise.
        labels: What the values mean.

    Returns:
        Region to Dice, to four digits; 1 where the region is empty in both.

    >>> from brats_seg.labels import label_values
    >>> one, other = np.array([[[0, 1, 2, 4]]]), np.array([[[0, 1, 0, 4]]])
    >>> agreement(one, other, label_values("brats2020"))
    {'ET': 1.0, 'TC': 1.0, 'WT': 0.8}
    """
    found = {}
    first_regions, second_regions = encode_regions(one, labels), encode_regions(other, labels)
    for name, first, second in zip(REGIONS, first_regions, second_regions, strict=True):
        found[name] = round(float(dice(first, second)), 4)
    return found
