"""The affine that a header means: its unit, and what to take where it has none.

Covered by tests/nifti/test_header.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

import nibabel as nib
import numpy as np
from jaxtyping import Float64
from nibabel import orientations as axes
from numpy.typing import NDArray

from brats_seg.errors import WrongValue

Affine = Float64[NDArray[np.float64], "4 4"]
UNITS = {0: ("unknown", 1.0), 1: ("metre", 1e3), 2: ("mm", 1.0), 3: ("micrometre", 1e-3)}
"""Code of a unit of length to its name, and how many mm it is."""
OPPOSITES = ({"L", "R"}, {"P", "A"}, {"S", "I"})


def unit_code(header: nib.Nifti1Header) -> int:
    """The code of the unit of length, which a header has in three bits."""
    return int(header["xyzt_units"]) & 7


def mm_per_unit(header: nib.Nifti1Header) -> float:
    """How many millimetres the header's unit is; an unknown one is taken for mm, as every program does."""
    return UNITS.get(unit_code(header), UNITS[0])[1]


def unit_name(header: nib.Nifti1Header) -> str:
    """Name of the unit that lengths are converted from; an unknown one counts as mm."""
    return UNITS[unit_code(header)][0] if mm_per_unit(header) != 1 else "mm"


def is_told(header: nib.Nifti1Header) -> bool:
    """Whether a header has an sform or a qform."""
    return int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0


def affine_of(header: nib.Nifti1Header, orientation: str | None = None) -> Affine:
    """The affine of a header, in its own unit.

    Args:
        header: With the place in space.
        orientation: Of a header without sform and qform, such as ``"LPS"``; None: as nibabel takes it.

    Returns:
        Voxel ``(i, j, k)`` to RAS+; without sform and qform the middle of the volume is the origin.
    """
    if orientation is None or is_told(header):
        return np.array(header.get_best_affine(), np.float64)
    check_orientation(orientation)
    shape = header.get_data_shape()[:3]
    turn = axes.axcodes2ornt(tuple(orientation))
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, ((world, sign), size) in enumerate(zip(turn, header.get_zooms()[:3], strict=True)):
        affine[int(world), axis] = sign * size
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def sizes_of(affine: Affine) -> Float64[NDArray[np.float64], " 3"]:
    """The length of a voxel along each axis of the file, in the affine's unit."""
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0))


def is_orientation(value: object) -> bool:
    """Whether a value is one letter of each pair L R, P A, S I."""
    letters = list(value) if isinstance(value, str) else []
    return len(letters) == 3 and all(len(pair & set(letters)) == 1 for pair in OPPOSITES)


def check_orientation(orientation: str) -> None:
    """Refuse what is no orientation.

    Raises:
        WrongValue: It is not one letter of each pair L R, P A, S I.
    """
    if not is_orientation(orientation):
        expected = "one letter for each axis of the file, such as LPS, LAS or RAS"
        raise WrongValue(f"orientation={orientation}: expected {expected}")
