"""What a header says that is no error and yet worth a line.

Covered by tests/nifti/test_header.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

from collections.abc import Iterator

import nibabel as nib
import numpy as np
from nibabel import orientations as axes

from brats_seg.nifti.affine import UNITS, Affine, is_told, mm_per_unit, sizes_of, unit_code, unit_name
from brats_seg.nifti.space import SPACE_TOLERANCE_MM, Note

LARGEST_SIZE_DIFFERENCE = 0.01
"""Relative: pixdim and sform are rounded by some programs."""
LARGEST_SHEAR_DEGREES = 1.0
LARGEST_TILT_DEGREES = 15.0
"""Heads lie this far from straight in a scanner now and then; scans in an atlas's space do not."""


def header_notes(header: nib.Nifti1Header, affine: Affine, orientation: str | None) -> tuple[Note, ...]:
    """What is worth knowing of a header that can be used.

    Args:
        header: With the place in space.
        affine: To millimetres, as it is used.
        orientation: What the user says of files whose header tells no space.

    Returns:
        What was expected, and what was found.
    """
    notes = (*_unit(header), *_untold(header, affine, orientation), *_disagreement(header), *_angles(affine))
    return notes


def size_notes(header: nib.Nifti1Header, affine: Affine) -> tuple[Note, ...]:
    """Whether a header without a qform has the sizes that its sform has.

    Args:
        header: With the place in space.
        affine: In the header's own unit, as it is used.

    Returns:
        What was expected, and what was found.
    """
    sizes = np.abs(header["pixdim"][1:4])
    expected = sizes_of(affine)
    if int(header["qform_code"]) > 0 or np.allclose(sizes, expected, LARGEST_SIZE_DIFFERENCE):
        return ()
    told = " x ".join(f"{size:.3g}" for size in expected)
    found = " x ".join(f"{size:.3g}" for size in sizes)
    return ((f"voxels of {told} (x, y, z) as in the sform", f"pixdim {found}; the sform is used"),)


def slope_notes(header: nib.Nifti1Header) -> tuple[Note, ...]:
    """Whether a header as it was read scales the voxels by a number below 0.

    Returns:
        What was expected, and what was found.
    """
    slope = float(header["scl_slope"])
    if not slope < 0:
        return ()
    found = f"WARNING: {slope:g}, which makes bright dark; if that is a slip, write the file without it"
    return (("a scl_slope above 0", found),)


def _unit(header: nib.Nifti1Header) -> Iterator[Note]:
    code = unit_code(header)
    if code not in UNITS:
        yield "the unit mm", f"an unknown one (xyzt_units {int(header['xyzt_units'])}), taken for mm"
    elif mm_per_unit(header) != 1:
        yield "the unit mm", f"{unit_name(header)}, of which sizes and places were converted to mm"


def _untold(header: nib.Nifti1Header, affine: Affine, orientation: str | None) -> Iterator[Note]:
    if is_told(header):
        return
    taken = "".join(axes.aff2axcodes(affine))
    found = f"none (both codes are 0): taken for {taken}, as orientation={orientation} says"
    if orientation is None:
        fix = "sides may be swapped; say what it is with orientation=LPS (or LAS, RAS, ...)"
        found = f"WARNING: none (both codes are 0): taken for {taken}, as nibabel does; {fix}"
    yield "a header with an sform or a qform", found


def _disagreement(header: nib.Nifti1Header) -> Iterator[Note]:
    if not (int(header["sform_code"]) > 0 and int(header["qform_code"]) > 0):
        return
    try:
        difference = header.get_sform() - header.get_qform()
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):  # such as a quaternion longer than 1
        yield "an sform and a qform that agree", "a qform that is none; the sform is used"
        return
    last = np.array(header.get_data_shape()) - 1
    corners = np.array([(i, j, k, 1.0) for i in (0, last[0]) for j in (0, last[1]) for k in (0, last[2])])
    distance = float(np.linalg.norm(corners @ difference.T, axis=1).max()) * mm_per_unit(header)
    if not distance <= SPACE_TOLERANCE_MM:
        found = f"places up to {distance:.3g} mm apart; the sform is used, other programs may use the qform"
        yield "an sform and a qform that agree", found


def _angles(affine: Affine) -> Iterator[Note]:
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = np.abs(directions.T @ directions)[np.triu_indices(3, 1)]
    shear = float(np.degrees(np.arcsin(np.clip(cosines, 0, 1))).max())
    if shear > LARGEST_SHEAR_DEGREES:
        yield "axes at right angles", f"axes sheared by {shear:.3g} degrees; resample them to right angles"
    along = np.abs(directions)[axes.io_orientation(affine)[:, 0].astype(int), range(3)]
    tilt = float(np.degrees(np.arccos(np.clip(along, 0, 1))).max())
    if tilt > LARGEST_TILT_DEGREES:
        found = f"axes oblique by {tilt:.3g} degrees, taken for the nearest; co-register them to the atlas"
        yield "axes along those of the body", found
