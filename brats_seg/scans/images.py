"""Between our volumes and SimpleITK's images: both in LPS millimetres, arrays ``(z, y, x)``.

Covered by tests/scans/test_register.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.errors import FileError
from brats_seg.scans.packages import load

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
LARGEST_COSINE = 1e-3
"""Between two axes of a volume; a tilted gantry makes 0.1 and more."""
Image = Any
"""A ``SimpleITK.Image``; the package is not there without the extra ``scans``."""


def read_image(path: Path, channel: int = 0) -> tuple[Image, nifti.Volume]:
    """Read one sequence for SimpleITK.

    Args:
        path: ``.nii`` or ``.nii.gz`` in any orientation and spacing.
        channel: Which volume of a 4-D file.

    Returns:
        The image in float32, and the volume it was made from.

    Raises:
        FileError: The file is no usable volume, holds NaN, one value only, or axes that are not at
            right angles.
    """
    volume = nifti.read(path, channel)
    array = volume.array.astype(np.float32)
    if not np.isfinite(array).all():
        raise FileError(path, "finite voxels", "NaN or infinite ones")
    if array.min() == array.max():
        raise FileError(path, "an image", f"the one value {array.min():g} in every voxel")
    if min(array.shape) < 4:
        raise FileError(path, "at least 4 voxels along each axis", f"shape {array.shape} (z, y, x)")
    refuse_sheared(path, volume.geometry)
    return to_itk(array, volume.geometry), volume


def refuse_sheared(path: Path, geometry: nifti.Geometry) -> None:
    """Refuse a volume with axes that are not at right angles.

    Args:
        path: Of the file, for the error.
        geometry: Of the volume.

    Raises:
        FileError: They are not.
    """
    directions = geometry.affine[:3, :3] / np.linalg.norm(geometry.affine[:3, :3], axis=0)
    cosines = np.abs(directions.T @ directions - np.eye(3))
    if cosines.max() > LARGEST_COSINE:
        tilt = float(np.degrees(np.arcsin(min(cosines.max(), 1.0))))
        raise FileError(path, "axes at right angles", f"a tilt of {tilt:.1f} degrees (a tilted gantry?)")


def to_itk(array: NDArray[Any], geometry: nifti.Geometry) -> Image:
    """An array in the place that a geometry says.

    Args:
        array: ``(z, y, x)`` in LPS.
        geometry: Of the file it came from.

    Returns:
        A ``SimpleITK.Image`` of the same voxels.
    """
    affine = RAS_TO_LPS @ geometry.lps_affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image = load("SimpleITK").GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image


def to_array(image: Image) -> NDArray[Any]:
    """The voxels ``(z, y, x)`` of an image."""
    return np.asarray(load("SimpleITK").GetArrayFromImage(image))


def resample(image: Image, like: Image, transform: Any = None, interpolator: str = "linear") -> Image:
    """An image on the grid of another one, 0 outside.

    Args:
        image: What is read.
        like: Gives the grid.
        transform: From points of ``like`` to points of ``image``; None: both lie in the same space.
        interpolator: ``"linear"`` or ``"bspline"``.

    Returns:
        Float32.
    """
    itk = load("SimpleITK")
    method = itk.sitkBSpline if interpolator == "bspline" else itk.sitkLinear
    return itk.Resample(
        image, like, transform or itk.Transform(3, itk.sitkIdentity), method, 0.0, itk.sitkFloat32
    )


def isotropic(image: Image, spacing_mm: float) -> Image:
    """An image at one spacing along all axes, over the same extent, linear.

    Args:
        image: Any.
        spacing_mm: Of the result.

    Returns:
        Float32, the same directions; at least one voxel along each axis.
    """
    itk = load("SimpleITK")
    ratio = np.array(image.GetSpacing()) / spacing_mm
    size = np.maximum(np.ceil(np.array(image.GetSize()) * ratio), 1).astype(int)
    # The centre of the first new voxel lies half a new voxel behind the border, as that of the first old
    # one does.
    first = image.TransformContinuousIndexToPhysicalPoint((0.5 / ratio - 0.5).tolist())
    grid = itk.Image(size.tolist(), itk.sitkUInt8)
    grid.SetSpacing([spacing_mm] * 3)
    grid.SetOrigin(first)
    grid.SetDirection(image.GetDirection())
    method, same = itk.sitkLinear, itk.Transform(3, itk.sitkIdentity)
    edges = itk.ResampleImageFilter()
    edges.SetReferenceImage(grid)
    edges.SetInterpolator(method)
    edges.SetTransform(same)
    edges.SetOutputPixelType(itk.sitkFloat32)
    edges.UseNearestNeighborExtrapolatorOn()
    return edges.Execute(image)


def as_stored(array: NDArray[np.float32], inside: NDArray[np.bool_], kind: np.dtype[Any]) -> NDArray[Any]:
    """A resampled sequence as it is written: integers where the scanner gave integers.

    Args:
        array: ``(z, y, x)``.
        inside: The brain, on the same grid; background is 0, and only that.
        kind: Of the scanner's voxels.

    Returns:
        float32 or int16.
    """
    if kind.kind == "f":
        return np.where(inside, array, 0).astype(np.float32)
    whole = np.clip(np.rint(array), 1, np.iinfo(np.int16).max)
    return np.where(inside, whole, 0).astype(np.int16)
