"""Volumes of the regions. Covered by its example and tests/inference/test_predict.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def tissue_volumes_ml(regions_ml: Mapping[str, float]) -> dict[str, float]:
    """The volumes of the nested regions, and those of the tissues that are no region.

    Args:
        regions_ml: ET, TC and WT to millilitres.

    Returns:
        These, and NCR/NET (TC without ET) and ED (WT without TC).

    >>> tissue_volumes_ml({"ET": 1.0, "TC": 1.5, "WT": 4.0})
    {'ET': 1.0, 'TC': 1.5, 'WT': 4.0, 'NCR/NET': 0.5, 'ED': 2.5}
    """
    core, whole = regions_ml["TC"], regions_ml["WT"]
    necrosis, oedema = round(core - regions_ml["ET"], 3), round(whole - core, 3)
    return {**regions_ml, "NCR/NET": necrosis, "ED": oedema}
