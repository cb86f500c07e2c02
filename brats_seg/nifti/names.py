"""Names of NIfTI files.

Covered by its examples and tests/cases/test_find.py.
"""

from __future__ import annotations

SUFFIXES = (".nii", ".nii.gz")


def is_nifti(name: str) -> bool:
    """Whether a file name is one of a NIfTI file; hidden ones (``._x.nii.gz`` of macOS archives) are not.

    >>> is_nifti("001_t1.nii.gz"), is_nifti("._001_t1.nii.gz"), is_nifti("001.json"), is_nifti("1.NII.GZ")
    (True, False, False, True)
    """
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def stem(name: str) -> str:
    """A file name without ``.nii`` or ``.nii.gz``.

    >>> stem("001_t1.nii.gz"), stem("001_t1.NII")
    ('001_t1', '001_t1')
    """
    for suffix in reversed(SUFFIXES):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name
