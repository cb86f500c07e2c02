"""Whose file is it? What somebody else has written is not replaced unasked.

Each format says by which words its files are known; every command asks here before it works. Covered by
tests/cli/test_foreign_outputs.py, for every file of every command.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from brats_seg.errors import FileError, UserError
from brats_seg.files.reading import open_regular

Ours = Callable[[Path], bool]
"""Whether a file that is there was written by this program."""
FIRST_BYTES = 4096
"""Among these stands what tells whose a file is."""
PROGRAM = "brats-seg"
"""The software that pictures name, among others."""
REMEDY = "choose another output, or give overwrite=true"


def says(*words: str) -> Ours:
    """A file is ours if its first bytes hold all of these words.

    Args:
        words: In any order.

    Returns:
        What tells it of a path; a FIFO, a folder and a file that cannot be read are not ours.
    """

    def is_ours(path: Path) -> bool:
        try:
            with open_regular(path) as file:
                begin = file.read(FIRST_BYTES)
        except FileError:
            return False
        return all(word.encode() in begin for word in words)

    return is_ours


is_picture = says("PNG", PROGRAM)
"""Whether a file is a picture of this program."""


def refuse_foreign(outputs: Mapping[Path, Ours], *, overwrite: bool = False, remedy: str = REMEDY) -> None:
    """Refuse to write where something lies that this program has not written.

    Args:
        outputs: Every file that may be replaced, to what tells whether the one there is ours.
        overwrite: The user wants all of it replaced.
        remedy: What else can be done.

    Raises:
        UserError: Something else lies at one of the paths.
    """
    if overwrite:
        return
    foreign = [path for path, is_ours in outputs.items() if os.path.lexists(path) and not is_ours(path)]
    if foreign:
        more = f" (nor {len(foreign) - 1} more)" if len(foreign) > 1 else ""
        raise UserError(f"{foreign[0]} is there, and brats-seg has not written it{more}; {remedy}")
