"""Walk a tree once, folder by folder, and see only NIfTI files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from brats_seg.errors import UserError

SUFFIXES = (".nii", ".nii.gz")


def is_nifti(name: str) -> bool:
    """Whether a file name is one of a NIfTI file; hidden ones (``._x.nii.gz`` of macOS archives) are not."""
    return name.endswith(SUFFIXES) and not name.startswith(".")


def stem(name: str) -> str:
    """A file name without ``.nii`` or ``.nii.gz``."""
    return name.removesuffix(".gz").removesuffix(".nii")


def each_folder(root: Path) -> Iterator[tuple[Path, list[tuple[str, Path]]]]:
    """Every folder that holds NIfTI files, with their (name, path), sorted.

    Some copies on Kaggle wrap each file in a folder of its name (``x_t1.nii/whatever.nii``): the folder's name is the
    file's name then. ``root`` may be one file: its folder, seen through the names of that case alone, is all there is.

    Raises:
        UserError: A folder cannot be listed.
    """
    seen: set[str] = set()
    for name, subfolders, files in os.walk(root, followlinks=True, onerror=_raise):
        if (real := os.path.realpath(name)) in seen:
            subfolders.clear()
            continue
        seen.add(real)
        folder = Path(name)
        wrapped = [sub for sub in subfolders if is_nifti(sub)]
        subfolders[:] = sorted(sub for sub in subfolders if not sub.startswith(".") and sub not in wrapped)
        found = [(file, folder / file) for file in files if is_nifti(file)]
        found += [
            (sub, inner)
            for sub in wrapped
            for inner in sorted((folder / sub).iterdir())
            if is_nifti(inner.name)
        ]
        if found:
            yield folder, sorted(found)


def _raise(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be listed ({error.strerror})") from error
