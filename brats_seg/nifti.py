"""Read and write NIfTI: LPS order and ``(z, y, x)`` inside the house, the file's own order on disk."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np
from isal import igzip
from nibabel import orientations as axes
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from brats_seg.errors import UserError
from brats_seg.files import whole_file
from brats_seg.geometry import Triple

LPS = axes.axcodes2ornt(("L", "P", "S"))
MAX_VOXELS = 2**31
"""A header that claims more is refused before anything is allocated."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The space of one file, so that what is written later lies exactly where its input lay.

    Attributes:
        header: The file's own header (units, qform and sform codes), 3-D.
        affine: Voxel ``(i, j, k)`` of the file to RAS+ millimetres.
    """

    header: nib.Nifti1Header
    affine: NDArray[np.float64]

    @property
    def orientation(self) -> str:
        """Axis codes of the file, such as ``"LPS"``."""
        return "".join(axes.aff2axcodes(self.affine))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along the house's ``(z, y, x)``."""
        sizes = np.linalg.norm(self.affine[:3, :3], axis=0)
        order = axes.io_orientation(self.affine)[:, 0].astype(int)
        x, y, z = (float(sizes[np.flatnonzero(order == axis)[0]]) for axis in range(3))
        return (z, y, x)

    @property
    def shape(self) -> Triple:
        """Voxels along the house's ``(z, y, x)``."""
        sizes = self.header.get_data_shape()[:3]
        order = axes.io_orientation(self.affine)[:, 0].astype(int)
        x, y, z = (int(sizes[np.flatnonzero(order == axis)[0]]) for axis in range(3))
        return (z, y, x)


@dataclass(frozen=True, eq=False)
class Volume:
    """One volume in LPS.

    Attributes:
        array: ``(z, y, x)``; integers stay integers when the file scales them by 1.
        geometry: The space of the file it came from.
    """

    array: NDArray[Any]
    geometry: Geometry


def read_geometry(path: Path) -> Geometry:
    """Read the header only.

    Raises:
        UserError: The file is missing or no NIfTI, is not 3-D or 4-D, or its affine is singular.
    """
    with _open(path) as image:
        return _geometry(path, image)


def channels(path: Path) -> int:
    """Number of volumes in the file: 1 where it is 3-D.

    Raises:
        UserError: As :func:`read_geometry`.
    """
    with _open(path) as image:
        _geometry(path, image)
        return int(np.prod(image.shape[3:], dtype=int))


def read(path: Path, channel: int = 0) -> Volume:
    """Read one volume, reoriented to LPS and transposed to ``(z, y, x)``.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        channel: Which volume of a 4-D file.

    Raises:
        UserError: The file is missing, truncated, no NIfTI, or has no such channel.
    """
    with _open(path) as image:
        geometry = _geometry(path, image)
        count = int(np.prod(image.shape[3:], dtype=int))
        if not 0 <= channel < count:
            raise UserError(f"{path}: expected a channel {channel}, found {count} channels")
        array = _voxels(path, image, channel)
    return Volume(_to_lps(array, geometry.affine), geometry)


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
    geometry = _geometry(Path("<image>"), image)
    return Volume(_to_lps(np.asanyarray(image.dataobj), geometry.affine), geometry)


def _to_lps(array: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[Any]:
    turned = axes.apply_orientation(array, axes.ornt_transform(axes.io_orientation(affine), LPS))
    return np.ascontiguousarray(turned.transpose(2, 1, 0))


class _open:
    """A NIfTI image, gunzipped in memory by isal; every failure becomes one line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> nib.Nifti1Image:
        try:
            data = self.path.read_bytes()
            if self.path.suffix == ".gz":
                data = igzip.decompress(data)
            return nib.Nifti1Image.from_bytes(data)
        except FileNotFoundError:
            raise UserError(f"{self.path}: no such file") from None
        except (EOFError, gzip.BadGzipFile, zlib.error, igzip.IsalError) as error:
            raise UserError(f"{self.path}: expected a complete gzip file, found a broken one ({error}); copy it again") from error
        except (ImageFileError, HeaderDataError, ValueError) as error:
            raise UserError(f"{self.path}: expected a NIfTI-1 file, found something else ({error})") from error
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror or error})") from error

    def __exit__(self, *_: object) -> None:
        return None


def _geometry(path: Path, image: nib.Nifti1Image) -> Geometry:
    shape = image.shape
    if len(shape) not in (3, 4) or min(shape) < 1 or np.prod(shape, dtype=float) > MAX_VOXELS:
        raise UserError(f"{path}: expected a 3-D volume (or a 4-D one with a channel per modality), found shape {shape}")
    affine = np.asarray(image.affine, np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise UserError(f"{path}: expected an invertible affine, found {affine.tolist()}")
    header = cast(nib.Nifti1Header, image.header.copy())
    header.set_data_shape(shape[:3])
    return Geometry(header, affine)


def _voxels(path: Path, image: nib.Nifti1Image, channel: int) -> NDArray[Any]:
    try:
        whole = image.dataobj if len(image.shape) == 3 else image.dataobj[..., channel]
        return np.asanyarray(whole)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: expected {image.shape} voxels, found fewer ({error}); copy the file again") from error
