"""One loaded case to the normalised brain box and its region masks.

Covered by tests/preprocessing/test_cache.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Real
from numpy.typing import NDArray

from brats_seg.cases import LoadedCase
from brats_seg.errors import CaseError
from brats_seg.geometry import Box, Triple, bounding_box
from brats_seg.labels import encode_regions, label_values
from brats_seg.preprocessing.normalise import Normalisation


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case as the network sees it.

    Attributes:
        image: Normalised, cropped to the brain box.
        regions: Cropped to it, too; None without a segmentation.
        box: Where the crop lies in the whole volume.
        shape: Of the whole volume, ``(z, y, x)``.
    """

    image: Float32[NDArray[np.float32], "modality z y x"]
    regions: Bool[NDArray[np.bool_], "region z y x"] | None
    box: Box
    shape: Triple


def brain_mask(image: Real[NDArray[np.number], "modality z y x"]) -> Bool[NDArray[np.bool_], "z y x"]:
    """Union of the sequences' non-zero voxels."""
    mask: NDArray[np.bool_] = image[0] != 0
    for channel in image[1:]:
        mask |= channel != 0
    return mask


def prepare(loaded: LoadedCase, normalise: Normalisation) -> Prepared:
    """Normalise over the whole volume, then crop to the brain box found before it (section 2.3).

    Args:
        loaded: The case in scanner units.
        normalise: Called with the whole volume.

    Returns:
        The case as the network sees it.

    Raises:
        CaseError: The brain is empty, or the label values are not known.
    """
    box = bounding_box(brain_mask(loaded.image))
    if box is None:
        raise CaseError(loaded.case.id, expected="a brain", found="only zeros in every modality")
    regions = None
    if loaded.label_map is not None:
        if loaded.case.labels is None:
            raise CaseError(loaded.case.id, expected="data.labels=NAME for its label values", found="none")
        regions = encode_regions(box.crop(loaded.label_map), label_values(loaded.case.labels))
    image = np.ascontiguousarray(box.crop(normalise(loaded.image)))
    return Prepared(image, regions, box, loaded.geometry.shape)
