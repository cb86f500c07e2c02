"""A case: one patient's sequences at one time, and their segmentation where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.nifti import Geometry


@dataclass(frozen=True)
class ModalityFile:
    """One sequence: a file, and which volume of it where it is 4-D."""

    path: Path
    channel: int = 0


@dataclass(frozen=True)
class Case:
    """Where a case lies.

    Attributes:
        id: Its name, unique within a root.
        modalities: Modality (of ``terms.MODALITIES``) to file; may lack some.
        segmentation: The label map, or None.
        convention: Name of the label map's convention as its naming tells, or None where it does not.
        duplicates: Modality (or ``"seg"``) to further files that claim the same place.
    """

    id: str
    modalities: Mapping[str, ModalityFile]
    segmentation: Path | None = None
    convention: str | None = None
    duplicates: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case in memory, LPS.

    Attributes:
        case: Which.
        image: ``(modality, z, y, x)`` float32 in scanner units; a missing modality is zero.
        label_map: ``(z, y, x)`` uint8 in ``case.convention``, or None.
        geometry: Of the files.
        missing: Modalities that were replaced by zeros.
    """

    case: Case
    image: NDArray[np.float32]
    label_map: NDArray[np.uint8] | None
    geometry: Geometry
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shapes: set[Any] = {self.image.shape[1:], self.geometry.shape}
        assert len(shapes) == 1, shapes
