"""Short names for folders. Covered by tests/evaluation/test_evaluation.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from brats_seg.errors import UserError


def distinct_names(folders: Sequence[Path], key: str = "predictions") -> list[str]:
    """The last parts of the paths, as many as it takes to tell them apart, joined by ``-``.

    Args:
        folders: In any number.
        key: The configuration key that they were given by, for the error.

    Returns:
        A name for each folder.

    Raises:
        UserError: A folder is given twice.

    >>> distinct_names([Path("/runs/a/fold_0"), Path("/runs/b/fold_0")])
    ['a-fold_0', 'b-fold_0']
    """
    parts = [folder.resolve().parts[1:] for folder in folders]
    if len(set(parts)) < len(parts):
        raise UserError(f"{key}: the same folder is given twice")
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["-".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise AssertionError(parts)
