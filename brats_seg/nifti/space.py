"""Where the voxels of a file lie in the scanner's space, and whether two files lie in the same place.

Covered by tests/test_nifti.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import cast

import nibabel as nib
import numpy as np
from jaxtyping import Shaped
from nibabel import orientations as axes
from numpy.typing import NDArray

from brats_seg.geometry import Triple
from brats_seg.nifti.affine import Affine, affine_of, is_told, mm_per_unit, unit_name

LPS = axes.axcodes2ornt(("L", "P", "S"))
Note = tuple[str, str]
"""What was expected, and what was found instead that can be used."""
SPACE_TOLERANCE_MM = 0.1
"""How far apart two files of one case may put a corner: a tenth of a voxel, more than rounding makes."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The space of one file, so that what is written later lies exactly where its input lay.

    Attributes:
        header: What the file's header says of its space (shape, units, qform, sform), 3-D, and no more.
        affine: Voxel ``(i, j, k)`` of the file to RAS+ millimetres.
        channels: Number of volumes in the file: 1 where it is 3-D.
        notes: What is worth knowing of the header.
    """

    header: nib.Nifti1Header
    affine: Affine
    channels: int = 1
    notes: tuple[Note, ...] = ()

    @property
    def told(self) -> bool:
        """Whether the header tells how the voxels lie; else it was taken for something."""
        return is_told(self.header)

    @property
    def unit(self) -> str:
        """Name of the header's unit of length; one that is not known counts as mm."""
        return unit_name(self.header)

    @property
    def by_qform(self) -> Geometry | None:
        """The same voxels where the qform puts them; None where there are not both forms."""
        if not (int(self.header["sform_code"]) > 0 and int(self.header["qform_code"]) > 0):
            return None
        header = cast(nib.Nifti1Header, self.header.copy())
        header["sform_code"] = 0
        with np.errstate(all="ignore"):
            affine = affine_of(header)
            affine[:3] *= mm_per_unit(header)
        usable = np.isfinite(affine).all() and not np.isnan(axes.io_orientation(affine)).any()
        return Geometry(header, affine, self.channels) if usable else None

    @property
    def orientation(self) -> str:
        """Axis codes of the file, such as ``"LPS"``."""
        return "".join(axes.aff2axcodes(self.affine))

    @property
    def lps_affine(self) -> Affine:
        """Voxel ``(x, y, z)`` of the array in LPS to RAS+ millimetres."""
        turn = axes.ornt_transform(axes.io_orientation(self.affine), LPS)
        undo = axes.inv_ornt_aff(turn, self.header.get_data_shape()[:3])
        return cast(NDArray[np.float64], self.affine @ undo)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along ``(z, y, x)`` in LPS."""
        z, y, x = np.linalg.norm(self.affine[:3, :3], axis=0)[self._zyx].tolist()
        return (z, y, x)

    @property
    def shape(self) -> Triple:
        """Voxels along ``(z, y, x)`` in LPS."""
        z, y, x = np.array(self.header.get_data_shape()[:3])[self._zyx].tolist()
        return (z, y, x)

    @property
    def _zyx(self) -> NDArray[np.intp]:
        """Which axis of the file runs along z, y and x."""
        return np.argsort(axes.io_orientation(self.affine)[:, 0])[::-1]


def corner_distance_mm(one: Geometry, other: Geometry) -> float:
    """The largest distance between the places of one corner in two geometries of one shape.

    Args:
        one: Of a volume.
        other: Of another one, of the same shape after reorientation to LPS.

    Returns:
        Millimetres.
    """
    z, y, x = (n - 1 for n in one.shape)
    corners = np.array([(*corner, 1.0) for corner in product((0, x), (0, y), (0, z))])
    offsets = corners @ (one.lps_affine - other.lps_affine).T
    return float(np.linalg.norm(offsets, axis=1).max())


def same_space(one: Geometry, other: Geometry) -> bool:
    """Whether two volumes lie in the same place, so that their voxels may be compared one by one.

    Args:
        one: Of a volume.
        other: Of another one, in any orientation.

    Returns:
        True where the shapes in LPS are the same and no corner is more than :data:`SPACE_TOLERANCE_MM` away.
    """
    return one.shape == other.shape and corner_distance_mm(one, other) <= SPACE_TOLERANCE_MM


def lps_geometry(shape: Triple, origin_mm: tuple[float, float, float] = (0.0, -239.0, 0.0)) -> Geometry:
    """The space of the BraTS release: 1 mm, LPS, millimetre units.

    Args:
        shape: Voxels along ``(z, y, x)``.
        origin_mm: Where the first voxel lies, ``(x, y, z)`` in LPS+ millimetres.

    Returns:
        The space of a file of that shape.

    >>> lps_geometry((155, 240, 240)).spacing_mm
    (1.0, 1.0, 1.0)
    """
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine[:3, 3] = np.multiply(origin_mm, (-1.0, -1.0, 1.0))
    image = nib.Nifti1Image(np.zeros(shape[::-1], np.uint8), affine)
    image.header.set_xyzt_units("mm", "sec")
    return Geometry(image.header.copy(), affine)


def to_lps(
    array: Shaped[NDArray[np.generic], "i j k"], affine: Affine
) -> Shaped[NDArray[np.generic], "z y x"]:
    """Reorient voxels.

    Args:
        array: In the file's order.
        affine: Of the file.

    Returns:
        The voxels in LPS, contiguous.
    """
    turned = axes.apply_orientation(array, axes.ornt_transform(axes.io_orientation(affine), LPS))
    return np.ascontiguousarray(turned.transpose(2, 1, 0))


def from_lps(
    array: Shaped[NDArray[np.generic], "z y x"], affine: Affine
) -> Shaped[NDArray[np.generic], "i j k"]:
    """Undo :func:`to_lps`.

    Args:
        array: Voxels in LPS.
        affine: Of the file.

    Returns:
        The voxels in the file's order, contiguous.
    """
    turned = axes.apply_orientation(
        array.transpose(2, 1, 0), axes.ornt_transform(LPS, axes.io_orientation(affine))
    )
    return np.ascontiguousarray(turned)
