"""The header of a NIfTI file: what of it is used, what must hold of it, and what is worth knowing of it.

Covered by tests/nifti/test_header.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

import logging
import math
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel import orientations as axes

from brats_seg.errors import FileError
from brats_seg.nifti.affine import Affine, affine_of, mm_per_unit, sizes_of
from brats_seg.nifti.header_notes import header_notes, size_notes, slope_notes
from brats_seg.nifti.space import Geometry
from brats_seg.nifti.unzip import is_gzip, unzip_start

MAX_VOXELS = 2**28
"""A header that claims more is refused before anything is allocated: 30 times a volume of BraTS."""
MAX_BYTES = 8 * MAX_VOXELS
"""A larger file is refused before it is read."""
HEADER_BYTES = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
"""The length of a header, which its first four bytes tell, in either order of bytes.

Extensions behind it are left alone: nothing here needs them, and some carry the patient's name.
"""
KINDS = {count.to_bytes(4, order): count for count in HEADER_BYTES for order in ("little", "big")}
OTHER_CONTENT = {
    b"<": "a web page; download the file again, logged in where that is asked for",
    b"/annex/": "a pointer of git-annex; get the file with git annex get or datalad get",
    b"version https://git-lfs": "a pointer of git-lfs; get the file with git lfs pull",
    b"PK\x03\x04": "a zip archive; unzip it",
    b"BZh": "a bzip2 file; unzip it",
    b"\xfd7zXZ": "an xz file; unzip it",
    b"\x28\xb5\x2f\xfd": "a zstd file; unzip it",
    b"NRRD": "NRRD; convert it to NIfTI (3D Slicer, SimpleITK)",
    b"ObjectType": "MetaImage; convert it to NIfTI (ITK-SNAP, SimpleITK)",
    b"MINC": "MINC; convert it to NIfTI (mnc2nii)",
    b"\x89HDF": "HDF5 or MINC; convert it to NIfTI",
}
"""How files of other kinds begin, and what to do about them."""
SPACE = (
    *("qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    *("sform_code", "srow_x", "srow_y", "srow_z", "xyzt_units"),
)
"""What an output takes over from its input's header: never its words, of which some name the patient."""
ALIGNED, LAST_FORM_CODE = 2, 5
"""Codes of an sform or qform: to some anatomy; and the last one that NIfTI names."""
_SILENT = logging.Logger("nibabel's lines, which name no file")
_SILENT.addHandler(logging.NullHandler())


def read_header(path: Path, data: bytes) -> nib.Nifti1Header:
    """The header in the first bytes of a file, zipped or not whatever its name, of NIfTI-1 or NIfTI-2.

    Args:
        path: Of the file, for the errors.
        data: Its first bytes: 2**16 are enough.

    Returns:
        The header, as nibabel mends and checks it.

    Raises:
        FileError: It is another file, or says that the voxels begin where they cannot.
    """
    if is_gzip(data):
        data = unzip_start(data, max(HEADER_BYTES))
        if is_gzip(data):
            raise FileError(path, "a NIfTI file", "a gzip file within a gzip file; unzip it once")
    count = KINDS.get(data[:4])
    if count is None:
        raise FileError(path, *_content(data))
    if len(data) < count:
        raise FileError(path, "a complete NIfTI file", f"{len(data)} bytes; copy it again")
    header = HEADER_BYTES[count](data[:count], check=False)
    voxel_offset(path, header)  # nibabel's check takes 0, and fails at inf
    if header["magic"].item().startswith(b"ni"):
        raise FileError(path, "a NIfTI file", "one of .hdr and .img; join them (fslchfiletype NIFTI_GZ)")
    _keep_unknown_codes(header)
    header.check_fix(_SILENT, error_level=40)
    return header


def geometry_of(path: Path, header: nib.Nifti1Header, orientation: str | None = None) -> Geometry:
    """The space that a header describes.

    Args:
        path: Of the file, for the errors.
        header: As read.
        orientation: Of a file whose header tells no space, such as ``"LPS"``.

    Returns:
        The space, with the number of channels.

    Raises:
        FileError: The header is not of 3-D, nor of 3-D and channels, or its affine is singular.
    """
    shape = header.get_data_shape()
    more = np.prod(shape[4:], dtype=float)  # axes of one behind the fourth hold nothing
    if len(shape) < 3 or more != 1 or min(shape) < 1 or np.prod(shape, dtype=float) > MAX_VOXELS:
        raise FileError(path, "a 3-D volume (or a 4-D one with a channel per modality)", f"shape {shape}")
    space = _space_alone(header)
    affine = affine_of(space, orientation)
    notes = size_notes(space, affine)
    _mend_sizes(space, affine)
    affine[:3] *= mm_per_unit(space)
    if not np.isfinite(affine).all() or np.isnan(axes.io_orientation(affine)).any():
        raise FileError(path, "an invertible affine", f"{affine.tolist()}")
    notes += (*slope_notes(header), *header_notes(space, affine, orientation))
    return Geometry(space, affine, int(np.prod(shape[3:], dtype=int)), notes)


def voxel_offset(path: Path, header: nib.Nifti1Header) -> int:
    """Where the voxels begin: behind the header and the four bytes that say whether extensions follow.

    Args:
        path: Of the file, for the error.
        header: As read.

    Returns:
        Bytes from the beginning.

    Raises:
        FileError: They cannot begin there.
    """
    first = int(header["sizeof_hdr"]) + 4
    offset = float(header["vox_offset"])
    if not (math.isfinite(offset) and offset.is_integer() and first <= offset <= MAX_BYTES):
        expected = f"voxels from byte {first} on"
        raise FileError(path, expected, f"vox_offset {offset:g}; write the file again with another program")
    return int(offset)


def _content(data: bytes) -> tuple[str, str]:
    """What was expected and what was found in place of a header."""
    for start, words in OTHER_CONTENT.items():
        if data.lstrip()[: len(start)] == start:
            return "a NIfTI file", words
    if len(data) < min(HEADER_BYTES):
        return "a complete NIfTI file", f"{len(data)} bytes; copy it again"
    begins = data[:12].decode("ascii", "replace")
    return "a NIfTI file", f"a file that begins with {begins!a}; copy or convert it again"


def _space_alone(header: nib.Nifti1Header) -> nib.Nifti1Header:
    """A new header of NIfTI-1 with the 3-D shape and the place in space of another one, and words of ours."""
    space = nib.Nifti1Header()
    space.set_data_shape(header.get_data_shape()[:3])
    space["pixdim"][:4] = header["pixdim"][:4]
    for name in SPACE:
        space[name] = header[name]
    space["descrip"] = b"brats_seg"
    return space


def _keep_unknown_codes(header: nib.Nifti1Header) -> None:
    """NIfTI takes a form whose code is above 0; nibabel's check would set one that it does not know to 0."""
    for name in ("qform_code", "sform_code"):
        if int(header[name]) > LAST_FORM_CODE:
            header[name] = ALIGNED


def _mend_sizes(space: nib.Nifti1Header, affine: Affine) -> None:
    """An output has sizes that other programs can use, even where its input's sform alone tells them."""
    if not np.isfinite(space["pixdim"][1:4]).all():
        space["pixdim"][1:4] = sizes_of(affine)
