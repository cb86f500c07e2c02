"""The answer of :class:`brats_seg.Segmenter`. Covered by tests/inference/test_segmenter.py."""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from brats_seg.inference.answers import Prediction


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What :class:`brats_seg.Segmenter` answers.

    Attributes:
        image: The label map, uint8, in the space of the images it was made from; of raw ones, on the
            T1ce's grid.
        prediction: Everything else; its arrays are ``(z, y, x)`` in LPS; where the images were raw, in the
            space of BraTS.
    """

    image: nib.Nifti1Image
    prediction: Prediction

    @property
    def label_map(self) -> NDArray[np.uint8]:
        """Label map with the axes of the images it was made from."""
        return np.asarray(self.image.dataobj)

    @property
    def labels(self) -> str:
        """Name of the label values."""
        return self.prediction.labels

    @property
    def warnings(self) -> list[str]:
        """What the user should know."""
        return self.prediction.warnings

    @property
    def volumes_ml(self) -> dict[str, float]:
        """Region to its volume in millilitres."""
        return self.prediction.volumes_ml(self.prediction.final)


def as_read(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """An image in memory as if from its file."""
    return nib.Nifti1Image.from_bytes(image.to_bytes())
