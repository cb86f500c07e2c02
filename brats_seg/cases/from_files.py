"""A case from files that are named one by one.

Covered by tests/cases/test_find.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from brats_seg.cases import brats
from brats_seg.cases.case import Case, ModalityFile
from brats_seg.errors import UserError
from brats_seg.nifti import stem
from brats_seg.terms import MODALITIES


def case_from_files(
    files: Mapping[str, Path],
    *,
    case_id: str | None = None,
    labels: str | None = None,
    in_memory: Collection[Path] = (),
) -> Case:
    """One case from files named one by one (``t1=FILE t1ce=FILE ...`` on the command line).

    Args:
        files: Keys from ``terms.MODALITIES``, and ``seg`` for a label map.
        case_id: None takes it from the file names.
        labels: None takes what the file names imply.
        in_memory: Paths among ``files`` that only name an image in memory: there need not be such a file.

    Returns:
        The case, not yet read.

    Raises:
        UserError: An unknown key, no modality, or a file that does not exist.
    """
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
    names = [file.path.name for file in modalities.values()]
    labels = labels or brats.implied_labels(names)
    return Case(case_id or _common_id(names), modalities, paths.get("seg"), labels)


def _common_id(names: Sequence[str]) -> str:
    """The id in the file names; else the letters that all of them begin with."""
    ids = set()
    for name in names:
        parsed = brats.parse(name)
        if parsed:
            ids.add(parsed.id)
    if len(ids) == 1:
        only = ids.pop()
        if only:
            return only
    stems = sorted(map(stem, names))
    shared = 0
    for one, other in zip(stems[0], stems[-1], strict=False):  # what these two share, all share
        if one != other:
            break
        shared += 1
    return stems[0][:shared].rstrip("_-. ") or "case"
