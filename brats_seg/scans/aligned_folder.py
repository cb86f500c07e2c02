"""What lies in the folder of one aligned case.

``<id>_{t1,t1ce,t2,flair}.nii.gz`` in the space of BraTS, and below ``align/`` the transforms (ITK's text
format: they take points
of the first image to points of the second, in LPS millimetres), the brain mask on the T1ce's own grid and
on the target grid, the
quality page, and ``align.json``, which is written last. Covered by tests/scans/test_align.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brats_seg.cases.folders import ALIGN_DETAILS, ALIGN_MADE_OF
from brats_seg.errors import UserError
from brats_seg.files import open_regular, read_object, whole_file, write_json
from brats_seg.scans.packages import load


@dataclass(frozen=True)
class AlignedFolder:
    """The folder of one aligned case.

    Attributes:
        path: Its last part is the case's id.
    """

    path: Path

    @property
    def case_id(self) -> str:
        """The case's id."""
        return self.path.name

    @property
    def details(self) -> Path:
        """Everything but the four sequences."""
        return self.path / ALIGN_DETAILS

    @property
    def native_brain(self) -> Path:
        """The brain on the T1ce's own grid."""
        return self.details / "brain.nii.gz"

    @property
    def brain(self) -> Path:
        """The brain on the target grid."""
        return self.details / "brain_in_atlas.nii.gz"

    @property
    def record(self) -> Path:
        """What was done, and what was found; the last file of a finished case."""
        return self.details / "align.json"

    def sequence(self, modality: str) -> Path:
        """Where one aligned sequence is written."""
        return self.path / f"{self.case_id}_{modality}.nii.gz"

    def transform(self, name: str) -> Path:
        """Where a transform is written, such as ``t1ce_to_t2``."""
        return self.details / f"{name}.tfm"

    def numbers(self, name: str) -> Path:
        """Where the numbers of a registration are written, such as ``t1ce_to_t2``, behind its transform."""
        return self.details / f"{name}.json"

    def read_transform(self, name: str) -> Any:
        """A transform as SimpleITK has it.

        Raises:
            UserError: There is none, or it cannot be read.
        """
        path = self.transform(name)
        with open_regular(path):  # ITK would wait for ever at a FIFO
            try:
                return load("SimpleITK").ReadTransform(str(path))
            except RuntimeError as error:
                raise UserError(f"{path}: expected a transform of `brats-seg align`, found none") from error

    def write_transform(self, name: str, transform: Any) -> None:
        """Write a transform, whole or not at all.

        Args:
            name: Such as ``t1ce_to_t2``.
            transform: As SimpleITK has it.

        Raises:
            UserError: It cannot be written.
        """
        with whole_file(self.transform(name)) as temporary:
            itk = load("SimpleITK")
            try:
                itk.WriteTransform(transform, str(temporary))
                written = itk.ReadTransform(str(temporary)).GetParameters()
            except RuntimeError as error:  # ITK itself says nothing of a full disk
                raise OSError("the file is not complete; is the disk full?") from error
            assert np.allclose(written, transform.GetParameters())

    def claim(self, made_of: dict[str, Any]) -> None:
        """Say what the folder is made of, before anything else is written to it.

        Args:
            made_of: Hashes of the inputs and settings.

        Raises:
            UserError: It is made of something else, or holds somebody else's files.
        """
        path = self.details / ALIGN_MADE_OF
        if not path.exists():
            if self.path.exists() and set(self.path.iterdir()) - {self.details}:
                raise UserError(
                    f"{self.path} holds files that align has not written: choose another output=DIR"
                )
            write_json(path, made_of)
        elif read_object(path) != made_of:
            raise UserError(
                f"{self.path} holds an alignment of other images or settings: choose another output=DIR"
            )
