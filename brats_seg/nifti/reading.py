"""Read volumes into LPS order, ``(z, y, x)``.

Covered by tests/test_nifti.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

import contextlib
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip_lib
from jaxtyping import Shaped
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from brats_seg.errors import FileError
from brats_seg.files import open_regular, read_bytes
from brats_seg.nifti.header import MAX_BYTES, geometry_of, read_header, voxel_offset
from brats_seg.nifti.space import Geometry, to_lps
from brats_seg.nifti.unzip import is_gzip, unzip

FIRST_BYTES = 2**16
"""Of a file, zipped or not: more than its header takes."""
MOST_BYTES_BEHIND = 2**20
"""What may follow the voxels; more is refused before it is unzipped."""


@dataclass(frozen=True, eq=False)
class Volume:
    """One volume in LPS.

    Attributes:
        array: May be read-only; integers stay integers when the file scales them by 1, else
            float32.
        geometry: The space of the file it came from.
        sha256: Of that file's bytes, as they were read; empty where it was not read from one.
    """

    array: Shaped[NDArray[Any], "z y x"]
    geometry: Geometry
    sha256: str = ""


def read_geometry(path: Path, orientation: str | None = None) -> Geometry:
    """Read the header only; of a gzip file no more than that is unzipped.

    Args:
        path: Of the file.
        orientation: Of a file whose header tells no space, such as ``"LPS"``; None: as nibabel takes it.

    Returns:
        The space of the file.

    Raises:
        FileError: The file is missing or no NIfTI, is not 3-D or 4-D, or its affine is singular.
    """
    with explained(path), open_regular(path) as file:
        header = read_header(path, file.read(FIRST_BYTES))
        return geometry_of(path, header, orientation)


def read(path: Path, channel: int = 0, orientation: str | None = None) -> Volume:
    """Read one volume, reoriented to LPS and transposed to ``(z, y, x)``.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        channel: Which volume of a 4-D file.
        orientation: As for :func:`read_geometry`.

    Returns:
        The volume.

    Raises:
        FileError: The file is missing, truncated, no NIfTI, or has no such channel.
    """
    volumes = read_channels(path, orientation)
    if not 0 <= channel < len(volumes):
        raise FileError(path, f"a channel {channel}", f"{len(volumes)} channels")
    return volumes[channel]


def read_channels(path: Path, orientation: str | None = None) -> list[Volume]:
    """Read every volume of a file: one where it is 3-D.

    Args:
        path: Of the file.
        orientation: As for :func:`read_geometry`.

    Returns:
        The volumes in the file's order.

    Raises:
        FileError: The file is missing, truncated, or no NIfTI of real numbers.
    """
    with explained(path):
        data = read_bytes(path, MAX_BYTES)
        sha256 = hashlib.sha256(data).hexdigest()
        header = read_header(path, data[:FIRST_BYTES])
        geometry = geometry_of(path, header, orientation)
        if is_gzip(data):
            data = unzip(path, data, _end_of_voxels(path, header) + MOST_BYTES_BEHIND)
        array = _voxels(path, header, data)
    shape = (*array.shape[:3], geometry.channels)
    channels = np.moveaxis(array.reshape(shape, order="F"), -1, 0)
    return [Volume(to_lps(channel, geometry.affine), geometry, sha256) for channel in channels]


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Every way a file can be unreadable becomes one line; what is not finite is refused where it is used."""
    try:
        with np.errstate(all="ignore"):
            yield
    except (EOFError, gzip.BadGzipFile, zlib.error, igzip_lib.IsalError) as error:  # type: ignore[misc]  # its stub says instance
        found = f"a broken one ({error}); copy it again"
        raise FileError(path, "a complete gzip file", found) from error
    except (ImageFileError, HeaderDataError, ValueError) as error:
        found = f"something else ({error}); copy it again"
        raise FileError(path, "a complete NIfTI file", found) from error


def _end_of_voxels(path: Path, header: nib.Nifti1Header) -> int:
    count = int(np.prod(header.get_data_shape()))
    return voxel_offset(path, header) + count * int(header.get_data_dtype().itemsize)


def _voxels(path: Path, header: nib.Nifti1Header, data: bytes) -> NDArray[Any]:
    """The file's voxels, in its own order and units, without a copy where it does not scale them."""
    shape, dtype, offset = header.get_data_shape(), header.get_data_dtype(), voxel_offset(path, header)
    if dtype.kind not in "iuf":
        raise FileError(path, "integers or floats", f"voxels of type {dtype}")
    count = int(np.prod(shape))
    needed = count * dtype.itemsize
    size = max(len(data) - offset, 0)
    if size < needed:
        raise FileError(path, f"{needed} bytes of voxels for shape {shape}", f"{size}; copy the file again")
    array = np.frombuffer(data, dtype, count, offset).reshape(shape, order="F")
    slope, intercept = header.get_slope_inter()
    if (slope, intercept) in ((None, None), (1.0, 0.0)):
        return array if dtype.isnative else array.astype(dtype.newbyteorder("="))
    return array.astype(np.float32) * np.float32(slope) + np.float32(intercept)
