"""The words of this room: a case, its files, what was read of it, and what was found wrong.

Covered by tests/cases/test_find.py and test_check.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from brats_seg.errors import plain_id, printable
from brats_seg.nifti import Geometry
from brats_seg.terms import MODALITIES

Level = Literal["error", "note"]


@dataclass(frozen=True)
class ModalityFile:
    """Where one sequence of a case lies.

    Attributes:
        path: ``.nii`` or ``.nii.gz``.
        channel: Which volume of a 4-D file.
    """

    path: Path
    channel: int = 0


@dataclass(frozen=True)
class Case:
    """One examination of one patient, not yet read.

    Attributes:
        id: Unique in its cohort; printable.
        modalities: The sequences that are there, keys from ``terms.MODALITIES``.
        segmentation: The label map, where there is one.
        labels: Name of its label values (a key of ``labels.LABEL_VALUES``); None where
            the file names do not imply one.
        orientation: Of files whose header tells no space, such as ``"LPS"``; None: as nibabel takes them.
        patient: Who is in it, where the user says which part of the id that is.
    """

    id: str
    modalities: Mapping[str, ModalityFile]
    segmentation: Path | None = None
    labels: str | None = None
    orientation: str | None = None
    patient: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", plain_id(self.id))

    @property
    def missing(self) -> tuple[str, ...]:
        """The sequences that are not there, in the order of ``terms.MODALITIES``."""
        return tuple(name for name in MODALITIES if name not in self.modalities)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the case once, the first modality first, the segmentation last."""
        paths = [self.modalities[name].path for name in MODALITIES if name in self.modalities]
        if self.segmentation:
            paths.append(self.segmentation)
        return tuple(dict.fromkeys(paths))


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """One case in memory.

    Attributes:
        case: What was read.
        image: In LPS, scanner units, background 0.
        label_map: In LPS, values of ``case.labels``; None without a segmentation.
        geometry: The space of the first modality's file.
        missing: Modalities that are zeros because there was no such sequence.
        sha256: Modality to the hash of the bytes it was read from.
        notes: What is worth knowing of it, a line each.
        fingerprints: Modality, or ``seg``, to a hash of its voxels.
    """

    case: Case
    image: Float32[NDArray[np.float32], "modality z y x"]
    label_map: UInt8[NDArray[np.uint8], "z y x"] | None
    geometry: Geometry
    missing: tuple[str, ...]
    sha256: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing, about one case.

    Attributes:
        case_id: Which case.
        file: Which file of it; None where the case as a whole is meant.
        level: ``"error"``: the case cannot be used; ``"note"``: it can.
        message: One line that says what was expected, what was found, and the fix.
        of_segmentation: True if the finding is about the segmentation only, so prediction may ignore it.
    """

    case_id: str
    file: Path | None
    level: Level
    message: str
    of_segmentation: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "case_id", plain_id(self.case_id))

    def __str__(self) -> str:
        where = f"case {self.case_id}: "
        if self.file:
            where += f"{self.file}: "
        return printable(where + self.message)


def duplicate_finding(case_id: str, content: str, same: Sequence[Path], other: str) -> Finding:
    """The finding for a case with more than one file for one modality, or for the segmentation.

    Args:
        case_id: Which case.
        content: The modality, or ``seg``.
        same: The files, at least two.
        other: The first of them, as it is shown.

    Returns:
        An error.
    """
    message = f"expected one file for {content}, found {len(same)}: also {other}"
    return Finding(case_id, same[1], "error", message, of_segmentation=content == "seg")
