"""A case from files that are named one by one.

Covered by tests/cases/test_find.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from brats_seg.cases import brats
from brats_seg.cases.case import Case, ModalityFile
from brats_seg.cases.cohort import long_ids
from brats_seg.errors import UserError
from brats_seg.nifti import check_orientation, stem
from brats_seg.terms import MODALITIES

SEQUENCE = re.compile("t[12]", re.IGNORECASE)
"""What has a number in names of sequences."""


def case_from_files(
    files: Mapping[str, Path],
    *,
    case_id: str | None = None,
    labels: str | None = None,
    orientation: str | None = None,
    in_memory: Collection[Path] = (),
) -> Case:
    """One case from files named one by one (``t1=FILE t1ce=FILE ...`` on the command line).

    Args:
        files: Keys from ``terms.MODALITIES``, and ``seg`` for a label map.
        case_id: None takes it from the file names, or from their folder.
        labels: None takes what the file names imply.
        orientation: Of files whose header tells no space, such as ``"LPS"``; None: as nibabel takes them.
        in_memory: Paths among ``files`` that only name an image in memory: there need not be such a file.

    Returns:
        The case, not yet read.

    Raises:
        UserError: An unknown key, no modality, a file that does not exist, or an id that can be no name of a
            file.
    """
    if orientation is not None:
        check_orientation(orientation)
    paths = {key: Path(path).expanduser() for key, path in files.items()}
    unknown = set(paths) - {*MODALITIES, "seg"}
    if unknown:
        raise UserError(f"unknown modality {', '.join(sorted(unknown))}: use {', '.join(MODALITIES)} or seg")
    if not set(paths) & set(MODALITIES):
        raise UserError(f"expected a file for at least one of {', '.join(MODALITIES)}, found none")
    for path in paths.values():
        if path not in in_memory and not path.is_file():
            raise UserError(f"{path}: no such file")
    modalities = {name: ModalityFile(paths[name]) for name in MODALITIES if name in paths}
    used = [file.path for file in modalities.values()]
    labels = labels or brats.implied_labels([path.name for path in used])
    if case_id is not None and (Path(case_id).name != case_id or case_id.startswith(".")):
        raise UserError(f"id={case_id}: expected an id that can be the name of a file")
    case = Case(case_id or _common_id(used), modalities, paths.get("seg"), labels, orientation)
    for finding in long_ids([case]):
        raise UserError(str(finding))
    return case


def _common_id(paths: Sequence[Path]) -> str:
    """The id in the file names, where it has a number as those of patients; else the folder's name with it.

    ``P1/AX_T1.nii.gz``, ``P1/AX_T2.nii.gz`` is ``P1_AX``, not ``AX`` for every patient.
    """
    names = [path.name for path in paths]
    id_in_names = _parsed_id(names) or _shared_beginning([stem(name) for name in names])
    if any(letter.isdigit() for letter in SEQUENCE.sub("", id_in_names)):
        return id_in_names
    folder = Path(os.path.commonpath([path.absolute().parent for path in paths])).name
    return "_".join(part for part in (folder, id_in_names) if part) or "case"


def _parsed_id(names: Sequence[str]) -> str:
    """The id that all names have in a naming of BraTS; empty where there is none."""
    ids = {parsed.id if parsed else "" for parsed in map(brats.parse, names)}
    return ids.pop() if len(ids) == 1 else ""


def _shared_beginning(stems: Sequence[str]) -> str:
    """What all names begin with, up to a separator."""
    shared = os.path.commonprefix(list(stems))  # noqa: RUF071  # letter by letter is meant
    if shared in stems:
        return shared
    whole = re.match(r".*(?=[-_. ])", shared)
    return whole[0].rstrip("_-. ") if whole else ""
