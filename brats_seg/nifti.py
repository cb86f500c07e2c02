"""Read and write NIfTI: LPS order and ``(z, y, x)`` inside the house, the file's own order on disk."""

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
from typing import Any, cast

import nibabel as nib
import numpy as np
from isal import igzip, igzip_lib, isal_zlib
from nibabel import orientations as axes
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from brats_seg.errors import FileError
from brats_seg.files import whole_file
from brats_seg.geometry import Triple

LPS = axes.axcodes2ornt(("L", "P", "S"))
MAX_VOXELS = 2**31
"""A header that claims more is refused before anything is allocated."""
SPACE_TOLERANCE_MM = 0.1
"""How far apart two files of one case may put the same corner: a tenth of a voxel, more than rounding ever makes."""
HEADER_BYTES = 348
"""Extensions behind it are left alone: nothing here needs them, and some carry the patient's name."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The space of one file, so that what is written later lies exactly where its input lay.

    Attributes:
        header: The file's own header (units, qform and sform codes), 3-D.
        affine: Voxel ``(i, j, k)`` of the file to RAS+ millimetres.
        channels: Number of volumes in the file: 1 where it is 3-D.
    """

    header: nib.Nifti1Header
    affine: NDArray[np.float64]
    channels: int = 1

    @property
    def orientation(self) -> str:
        """Axis codes of the file, such as ``"LPS"``."""
        return "".join(axes.aff2axcodes(self.affine))

    @property
    def lps_affine(self) -> NDArray[np.float64]:
        """Voxel ``(x, y, z)`` of the array in LPS to RAS+ millimetres."""
        turn = axes.ornt_transform(axes.io_orientation(self.affine), LPS)
        return cast(
            NDArray[np.float64], self.affine @ axes.inv_ornt_aff(turn, self.header.get_data_shape()[:3])
        )

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along the house's ``(z, y, x)``."""
        z, y, x = np.linalg.norm(self.affine[:3, :3], axis=0)[self._zyx].tolist()
        return (z, y, x)

    @property
    def shape(self) -> Triple:
        """Voxels along the house's ``(z, y, x)``."""
        z, y, x = np.array(self.header.get_data_shape()[:3])[self._zyx].tolist()
        return (z, y, x)

    @property
    def _zyx(self) -> NDArray[np.intp]:
        """Which axis of the file runs along each of the house's."""
        return np.argsort(axes.io_orientation(self.affine)[:, 0])[::-1]


@dataclass(frozen=True, eq=False)
class Volume:
    """One volume in LPS.

    Attributes:
        array: ``(z, y, x)``, may be read-only; integers stay integers when the file scales them by 1, else float32.
        geometry: The space of the file it came from.
        sha256: Of that file's bytes, as they were read; empty where it was not read from one.
    """

    array: NDArray[Any]
    geometry: Geometry
    sha256: str = ""


def corner_distance_mm(one: Geometry, other: Geometry) -> float:
    """The largest distance between the places of one corner in two geometries of one shape.

    Args:
        one: Of a volume.
        other: Of another one, of the same shape after reorientation to LPS.

    Returns:
        Millimetres.
    """
    z, y, x = (n - 1 for n in one.shape)
    corners = np.array([(i, j, k, 1.0) for i in (0, x) for j in (0, y) for k in (0, z)])
    return float(np.linalg.norm(corners @ (one.lps_affine - other.lps_affine).T, axis=1).max())


def same_space(one: Geometry, other: Geometry) -> bool:
    """Whether two volumes lie in the same place, so that their voxels may be compared one by one.

    Args:
        one: Of a volume.
        other: Of another one, in any orientation.

    Returns:
        True where the shapes in LPS are the same and no corner is more than :data:`SPACE_TOLERANCE_MM` away.
    """
    return one.shape == other.shape and corner_distance_mm(one, other) <= SPACE_TOLERANCE_MM


def read_geometry(path: Path) -> Geometry:
    """Read the header only; of a gzip file no more than that is unzipped.

    Raises:
        FileError: The file is missing or no NIfTI, is not 3-D or 4-D, or its affine is singular.
    """
    with _explained(path), path.open("rb") as file:
        data = file.read(2**16)
        if path.suffix == ".gz":
            data = isal_zlib.decompressobj(wbits=31).decompress(data, HEADER_BYTES)
        return _geometry(path, _header(data))


def read(path: Path, channel: int = 0) -> Volume:
    """Read one volume, reoriented to LPS and transposed to ``(z, y, x)``.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        channel: Which volume of a 4-D file.

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
    with _explained(path):
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        data = _unzip(data) if path.suffix == ".gz" else data
        header = _header(data)
        geometry = _geometry(path, header)
        array = _voxels(path, header, data)
    shape = (*array.shape[:3], geometry.channels)
    volumes = np.moveaxis(array.reshape(shape, order="F"), -1, 0)
    return [Volume(_to_lps(each, geometry.affine), geometry, sha256) for each in volumes]


def write(path: Path, array: NDArray[Any], geometry: Geometry) -> None:
    """Write ``(z, y, x)`` in the geometry's own order, affine and units; whole or not at all, same bytes each time.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        array: ``(z, y, x)`` in LPS; its dtype is the file's dtype.
        geometry: Of the input that the array belongs to.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    image = to_image(array, geometry)
    with whole_file(path) as temporary:
        data = image.to_bytes()
        temporary.write_bytes(gzip.compress(data, 6, mtime=0) if path.suffix == ".gz" else data)


def to_image(array: NDArray[Any], geometry: Geometry) -> nib.Nifti1Image:
    """``(z, y, x)`` in LPS as a nibabel image in the geometry's own space."""
    undo = axes.ornt_transform(LPS, axes.io_orientation(geometry.affine))
    on_disk = axes.apply_orientation(array.transpose(2, 1, 0), undo)
    header = geometry.header.copy()
    header.set_data_dtype(array.dtype)
    header.set_slope_inter(1, 0)
    header["cal_max"] = header["cal_min"] = 0
    return nib.Nifti1Image(np.ascontiguousarray(on_disk), None, header)


def lps_geometry(shape: Triple, origin_mm: tuple[float, float, float] = (0.0, -239.0, 0.0)) -> Geometry:
    """The space of the BraTS release: 1 mm, LPS, millimetre units."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine[:3, 3] = np.multiply(origin_mm, (-1.0, -1.0, 1.0))
    image = nib.Nifti1Image(np.zeros(shape[::-1], np.uint8), affine)
    image.header.set_xyzt_units("mm", "sec")
    return Geometry(image.header.copy(), affine)


def from_image(image: nib.Nifti1Image) -> Volume:
    """A nibabel image in memory as a volume."""
    geometry = _geometry(Path("<image>"), image.header)
    return Volume(_to_lps(np.asanyarray(image.dataobj), geometry.affine), geometry)


def _to_lps(array: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[Any]:
    turned = axes.apply_orientation(array, axes.ornt_transform(axes.io_orientation(affine), LPS))
    return np.ascontiguousarray(turned.transpose(2, 1, 0))


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Every way a file can be unreadable becomes one line."""
    try:
        yield
    except FileNotFoundError:
        raise FileError(path, "a file", "none") from None
    except (EOFError, gzip.BadGzipFile, zlib.error, igzip_lib.IsalError) as error:  # type: ignore[misc]  # its stub says instance
        raise FileError(path, "a complete gzip file", f"a broken one ({error}); copy it again") from error
    except (ImageFileError, HeaderDataError, ValueError) as error:
        raise FileError(
            path, "a complete NIfTI-1 file", f"something else ({error}); copy it again"
        ) from error
    except OSError as error:
        raise FileError(path, "a readable file", f"{error.strerror or error}") from error


def _header(data: bytes) -> nib.Nifti1Header:
    if len(data) < HEADER_BYTES:
        raise ImageFileError(f"{len(data)} bytes")
    return nib.Nifti1Header(data[:HEADER_BYTES])


def _geometry(path: Path, header: nib.Nifti1Header) -> Geometry:
    shape = header.get_data_shape()
    if len(shape) not in (3, 4) or min(shape) < 1 or np.prod(shape, dtype=float) > MAX_VOXELS:
        raise FileError(path, "a 3-D volume (or a 4-D one with a channel per modality)", f"shape {shape}")
    affine = np.asarray(header.get_best_affine(), np.float64)
    if not np.isfinite(affine).all() or np.isnan(axes.io_orientation(affine)).any():
        raise FileError(path, "an invertible affine", f"{affine.tolist()}")
    header = cast(nib.Nifti1Header, header.copy())
    header.set_data_shape(shape[:3])
    return Geometry(header, affine, int(np.prod(shape[3:], dtype=int)))


def _voxels(path: Path, header: nib.Nifti1Header, data: bytes) -> NDArray[Any]:
    """The file's voxels, in its own order and units, without a copy where it does not scale them."""
    shape, dtype, offset = header.get_data_shape(), header.get_data_dtype(), header.get_data_offset()
    if dtype.kind not in "iuf":
        raise FileError(path, "integers or floats", f"voxels of type {dtype}")
    if (size := len(data) - offset) < (needed := int(np.prod(shape)) * dtype.itemsize):
        raise FileError(
            path, f"{needed} bytes of voxels for shape {shape}", f"{max(size, 0)}; copy the file again"
        )
    array = np.frombuffer(data, dtype, int(np.prod(shape)), offset).reshape(shape, order="F")
    slope, intercept = header.get_slope_inter()
    if (slope, intercept) in ((None, None), (1.0, 0.0)):
        return array if dtype.isnative else array.astype(dtype.newbyteorder("="))
    return array.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _unzip(data: bytes) -> bytes:
    """Gunzip into a buffer of the size that the last four bytes tell (1.6 times as fast as a growing one)."""
    size = int.from_bytes(data[-4:], "little")
    # Deflate cannot pack more than 1032 to 1: a broken tail must not ask for gigabytes.
    whole = isal_zlib.decompress(data, wbits=31, bufsize=max(min(size, 1032 * len(data)), 1))
    # Files in several gzip members (bgzip) tell the size of the last one.
    return whole if len(whole) == size else igzip.decompress(data)
