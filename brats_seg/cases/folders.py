"""Walk a tree once, folder by folder, and see only NIfTI files.

Covered by tests/cases/test_find.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from brats_seg.errors import UserError
from brats_seg.nifti import is_nifti

Files = list[tuple[str, Path]]
"""The NIfTI files of one folder: the name that says what a file is, and where it lies."""
ALIGN_DETAILS, ALIGN_MADE_OF = "align", "made_of.json"
"""Folder beside the sequences that `brats-seg align` has written, and the first file in it: brains and
transforms, no images of a case."""
OTHER_FORMATS = (
    *(".hdr", ".img", ".img.gz", ".mha", ".mhd", ".nrrd", ".nhdr", ".mgz", ".mgh", ".mnc", ".dcm", ".ima"),
    *(".nii.bz2", ".nii.xz", ".nii.zst", ".nii.zip"),
)
"""Endings of images that are not read."""


def other_format(name: str) -> str | None:
    """The ending of a file name that is one of an image that is not read; None of any other.

    >>> other_format("a_t1.MHA"), other_format("a_t1.nii.gz"), other_format("._a.mha")
    ('.mha', None, None)
    """
    if name.startswith("."):
        return None
    return next((ending for ending in OTHER_FORMATS if name.lower().endswith(ending)), None)


def each_folder(root: Path, others: dict[str, list[Path]] | None = None) -> Iterator[tuple[Path, Files]]:
    """Every folder that holds NIfTI files, with its files sorted by name.

    Some copies on Kaggle wrap each file in a folder of its name (``x_t1.nii/whatever.nii``): then the
    folder's name counts as the file's name.

    Args:
        root: Where to begin.
        others: Filled: ending to the images of a format that is not read.

    Yields:
        A folder and its files.

    Raises:
        UserError: A folder cannot be listed.
    """
    seen: set[str] = set()
    for name, subfolders, names in os.walk(root, followlinks=True, onerror=_raise):
        real = os.path.realpath(name)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        folder = Path(name)
        wrapped = [sub for sub in subfolders if is_nifti(sub)]
        # os.walk goes into those that are left in its list.
        kept = [sub for sub in subfolders if not sub.startswith(".") and sub not in wrapped]
        subfolders[:] = sorted(sub for sub in kept if not _is_of_align(folder / sub))
        found = [(file, folder / file) for file in names if is_nifti(file)]
        for file in sorted(names):
            ending = other_format(file)
            if ending is not None and others is not None:
                others.setdefault(ending, []).append(folder / file)
        found.extend(_unwrapped(folder, wrapped))
        if found:
            yield folder, sorted(found)


def _is_of_align(folder: Path) -> bool:
    return folder.name == ALIGN_DETAILS and (folder / ALIGN_MADE_OF).is_file()


def _unwrapped(folder: Path, wrapped: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for name in wrapped:
        for inner in sorted((folder / name).iterdir()):
            if is_nifti(inner.name):
                yield name, inner


def _raise(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be listed ({error.strerror})") from error
