"""Read volumes into LPS order, ``(z, y, x)``.

Covered by tests/test_nifti.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

import contextlib
import gzip
import hashlib
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np
from isal import igzip_lib
from jaxtyping import Shaped
from nibabel import orientations as axes
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from brats_seg.errors import FileError
from brats_seg.files import open_regular, read_bytes
from brats_seg.nifti.space import Geometry, to_lps
from brats_seg.nifti.unzip import is_gzip, unzip, unzip_start

MAX_VOXELS = 2**28
"""A header that claims more is refused before anything is allocated: 30 times a volume of BraTS."""
MAX_BYTES = 8 * MAX_VOXELS
"""A larger file is refused before it is read."""
HEADER_BYTES = 348
"""Extensions behind it are left alone: nothing here needs them, and some carry the patient's name."""
FIRST_VOXEL = HEADER_BYTES + 4
FIRST_BYTES = 2**16
"""Of a file, zipped or not: more than its header takes."""
MOST_BYTES_BEHIND = 2**20
"""What may follow the voxels; more is refused before it is unzipped."""
NIFTI_1 = (HEADER_BYTES.to_bytes(4, "little"), HEADER_BYTES.to_bytes(4, "big"))
NIFTI_2 = ((540).to_bytes(4, "little"), (540).to_bytes(4, "big"))
"""The first four bytes: the length of the header, in either order of bytes."""


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


def read_geometry(path: Path) -> Geometry:
    """Read the header only; of a gzip file no more than that is unzipped.

    Raises:
        FileError: The file is missing or no NIfTI, is not 3-D or 4-D, or its affine is singular.
    """
    with explained(path), open_regular(path) as file:
        header = _header(path, file.read(FIRST_BYTES))
        return geometry_of(path, header)


def read(path: Path, channel: int = 0) -> Volume:
    """Read one volume, reoriented to LPS and transposed to ``(z, y, x)``.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        channel: Which volume of a 4-D file.

    Returns:
        The volume.

    Raises:
        FileError: The file is missing, truncated, no NIfTI, or has no such channel.
    """
    volumes = read_channels(path)
    if not 0 <= channel < len(volumes):
        raise FileError(path, f"a channel {channel}", f"{len(volumes)} channels")
    return volumes[channel]


def read_channels(path: Path) -> list[Volume]:
    """Read every volume of a file: one where it is 3-D.

    Raises:
        FileError: The file is missing, truncated, or no NIfTI of real numbers.
    """
    with explained(path):
        data = read_bytes(path, MAX_BYTES)
        sha256 = hashlib.sha256(data).hexdigest()
        header = _header(path, data[:FIRST_BYTES])
        geometry = geometry_of(path, header)
        if is_gzip(data):
            data = unzip(path, data, _end_of_voxels(path, header) + MOST_BYTES_BEHIND)
        array = _voxels(path, header, data)
    shape = (*array.shape[:3], geometry.channels)
    channels = np.moveaxis(array.reshape(shape, order="F"), -1, 0)
    return [Volume(to_lps(channel, geometry.affine), geometry, sha256) for channel in channels]


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Every way a file can be unreadable becomes one line."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, igzip_lib.IsalError) as error:  # type: ignore[misc]  # its stub says instance
        found = f"a broken one ({error}); copy it again"
        raise FileError(path, "a complete gzip file", found) from error
    except (ImageFileError, HeaderDataError, ValueError) as error:
        found = f"something else ({error}); copy it again"
        raise FileError(path, "a complete NIfTI-1 file", found) from error


def _header(path: Path, data: bytes) -> nib.Nifti1Header:
    """The header in the first bytes of a file, zipped or not whatever its name."""
    if is_gzip(data):
        data = unzip_start(data, HEADER_BYTES)
        if is_gzip(data):
            raise FileError(path, "a NIfTI-1 file", "a gzip file within a gzip file; unzip it once")
    if data[:4] in NIFTI_2:
        raise FileError(path, "a NIfTI-1 file", "NIfTI-2; convert it (fslchfiletype, mri_convert or nibabel)")
    if len(data) < HEADER_BYTES:
        raise FileError(path, "a complete NIfTI-1 file", f"{len(data)} bytes; copy it again")
    if data[:4] not in NIFTI_1:
        start = data[:12].decode("ascii", "replace")
        raise FileError(path, "a NIfTI-1 file", f"a file that begins with {start!a}")
    _offset(
        path, nib.Nifti1Header(data[:HEADER_BYTES], check=False)
    )  # nibabel's check takes 0, and fails at inf
    return nib.Nifti1Header(data[:HEADER_BYTES])


def geometry_of(path: Path, header: nib.Nifti1Header) -> Geometry:
    """The space that a header describes.

    Args:
        path: Of the file, for the errors.
        header: As read.

    Returns:
        The space, with the number of channels.

    Raises:
        FileError: The header is not of 3-D or 4-D, or its affine is singular.
    """
    shape = header.get_data_shape()
    if len(shape) not in (3, 4) or min(shape) < 1 or np.prod(shape, dtype=float) > MAX_VOXELS:
        raise FileError(path, "a 3-D volume (or a 4-D one with a channel per modality)", f"shape {shape}")
    affine = np.asarray(header.get_best_affine(), np.float64)
    if not np.isfinite(affine).all() or np.isnan(axes.io_orientation(affine)).any():
        raise FileError(path, "an invertible affine", f"{affine.tolist()}")
    header = cast(nib.Nifti1Header, header.copy())
    header.set_data_shape(shape[:3])
    return Geometry(header, affine, int(np.prod(shape[3:], dtype=int)))


def _offset(path: Path, header: nib.Nifti1Header) -> int:
    """Where the voxels begin: behind the header and the four bytes that say whether extensions follow."""
    offset = float(header["vox_offset"])
    if not (math.isfinite(offset) and offset.is_integer() and FIRST_VOXEL <= offset <= MAX_BYTES):
        expected = f"voxels from byte {FIRST_VOXEL} on"
        raise FileError(path, expected, f"vox_offset {offset:g}; write the file again with another program")
    return int(offset)


def _end_of_voxels(path: Path, header: nib.Nifti1Header) -> int:
    count = int(np.prod(header.get_data_shape()))
    return _offset(path, header) + count * int(header.get_data_dtype().itemsize)


def _voxels(path: Path, header: nib.Nifti1Header, data: bytes) -> NDArray[Any]:
    """The file's voxels, in its own order and units, without a copy where it does not scale them."""
    shape, dtype, offset = header.get_data_shape(), header.get_data_dtype(), _offset(path, header)
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
