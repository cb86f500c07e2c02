"""Write volumes in the space of their input.

Covered by tests/test_nifti.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from jaxtyping import Shaped
from numpy.typing import NDArray

from brats_seg.files import whole_file
from brats_seg.nifti.space import Geometry, from_lps


def write(path: Path, array: Shaped[NDArray[np.generic], "z y x"], geometry: Geometry) -> None:
    """Write a volume in the geometry's own order, affine and units.

    The file is written whole or not at all, with the same bytes each time.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        array: In LPS; its dtype is the file's dtype.
        geometry: Of the input that the array belongs to.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    image = to_image(array, geometry)
    with whole_file(path) as temporary:
        data = image.to_bytes()
        if path.suffix == ".gz":
            data = gzip.compress(data, 6, mtime=0)
        temporary.write_bytes(data)


def to_image(array: Shaped[NDArray[np.generic], "z y x"], geometry: Geometry) -> nib.Nifti1Image:
    """A nibabel image in the geometry's own space.

    Args:
        array: In LPS; its dtype is the image's dtype.
        geometry: Of the input that the array belongs to.

    Returns:
        The image, in memory.
    """
    header = geometry.header.copy()
    header.set_data_dtype(array.dtype)
    header.set_slope_inter(1, 0)
    return nib.Nifti1Image(from_lps(array, geometry.affine), None, header)
