"""One prepared case on disk, opened lazily, so that a patch reads only its window.

Covered by tests/preprocessing/test_cache.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Float16
from numpy.typing import NDArray

from brats_seg.files import read_object
from brats_seg.geometry import Box, Triple
from brats_seg.terms import REGIONS

RECORD = "case.json"
"""Beside the arrays."""
LEVELS = np.arange(len(REGIONS), 0, -1, dtype=np.uint8)[:, None, None, None]
"""A voxel of ET lies in three nested regions, of TC in two, of WT in one: region r is depth >= LEVELS[r]."""


@dataclass(frozen=True)
class CachedCase:
    """One prepared case, opened lazily.

    Attributes:
        id: The case.
        folder: Holds ``image.npy``, float16 ``(modality, z, y, x)``; ``depth.npy``, uint8 ``(z, y, x)``: in
            how many of the nested regions a voxel lies; and ``case.json``.
        box: The brain box in the whole volume.
        shape: Of the whole volume, ``(z, y, x)``.
        notes: What is worth knowing of it, a line each.
        fingerprints: Modality, or ``seg``, to a hash of its voxels.
    """

    id: str
    folder: Path
    box: Box
    shape: Triple
    notes: tuple[str, ...] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    def checksums(self) -> Any:
        """Size and CRC of each array, as they were written."""
        return read_object(self.folder / RECORD).get("files")

    def image(self, window: Box | None = None) -> Float16[NDArray[np.float16], "modality z y x"]:
        """A window of the box, or of all of it; the device makes float32 of it."""
        array = np.load(self.folder / "image.npy", mmap_mode="r")
        if window is not None:
            array = window.crop(array)
        return np.array(array)

    def regions(self, window: Box | None = None) -> Bool[NDArray[np.bool_], "region z y x"]:
        """A window of the box, or of all of it."""
        depth = np.load(self.folder / "depth.npy", mmap_mode="r")
        if window is not None:
            depth = window.crop(depth)
        return cast(NDArray[np.bool_], depth >= LEVELS)
