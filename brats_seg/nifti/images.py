"""Images of nibabel in memory. Covered by tests/test_nifti.py and tests/inference/test_segmenter.py."""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from brats_seg.errors import FileError
from brats_seg.nifti.header import geometry_of
from brats_seg.nifti.reading import Volume, explained
from brats_seg.nifti.space import to_lps

LARGEST_INTEGER_BYTES = 4
"""Larger integers are read as float32, which no scanner's values need."""


def from_image(image: nib.Nifti1Image) -> Volume:
    """A 3-D nibabel image in memory as a volume.

    Raises:
        FileError: The image is not 3-D, not of real numbers, or its affine is singular.
    """
    volumes = channels_from_image(image, Path("<image>"))
    if len(volumes) != 1:
        raise FileError("<image>", "a 3-D volume", f"{len(volumes)} channels")
    return volumes[0]


def channels_from_image(image: nib.Nifti1Image, name: Path) -> list[Volume]:
    """Every volume of a nibabel image in memory: one where it is 3-D.

    Args:
        image: As nibabel has it; one that was opened from a file is read now.
        name: Of the image, for the errors.

    Returns:
        As :func:`read_channels`, without a hash.

    Raises:
        FileError: The image is neither 3-D nor 4-D, not of real numbers, or its affine is singular.
    """
    with explained(name):
        image.update_header()  # its affine may have been changed since
        geometry = geometry_of(name, image.header)
        array = np.asanyarray(image.dataobj)
    if array.dtype.kind not in "iuf":
        raise FileError(name, "integers or floats", f"voxels of type {array.dtype}")
    if array.dtype.kind == "f" or array.dtype.itemsize > LARGEST_INTEGER_BYTES:
        array = array.astype(np.float32)
    shape = (*array.shape[:3], geometry.channels)
    channels = np.moveaxis(array.reshape(shape), -1, 0)
    return [Volume(to_lps(channel, geometry.affine), geometry) for channel in channels]
