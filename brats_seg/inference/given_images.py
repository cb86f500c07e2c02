"""Images as Python gives them.

Covered by tests/inference/test_segmenter.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.errors import UserError

Source = str | Path | nib.Nifti1Image | NDArray[Any]
LPS_AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


def as_image(name: str, image: Any, affine: NDArray[np.float64]) -> nib.Nifti1Image:
    """An image in memory as nibabel has it.

    Args:
        name: Of its sequence, for the error.
        image: What was given.
        affine: Of an array: voxel ``(i, j, k)`` to RAS+ millimetres.

    Returns:
        The image.

    Raises:
        UserError: It is no image.
    """
    if isinstance(image, nib.Nifti1Image):
        return image
    if not isinstance(image, np.ndarray) or image.dtype.kind not in "iuf":
        kind = f"array of {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        kinds = "a path, a nibabel Nifti1Image or an array of integers or floats"
        raise UserError(f"{name}: expected {kinds}, found {kind}")
    wide = image.dtype.kind == "f" or image.dtype.itemsize > nifti.LARGEST_INTEGER_BYTES
    made = nib.Nifti1Image(image.astype(np.float32) if wide else image, affine)
    made.header.set_xyzt_units("mm", "sec")
    return made
