"""Files and folders that appear whole or not at all: written beside their place, then renamed.

Covered by tests/test_files.py.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brats_seg.errors import UserError
from brats_seg.files.temporaries import temporary_file, temporary_folder


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, delete it on failure.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_file(path.parent, "".join(path.suffixes[-2:])) as temporary:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; it replaces ``path`` on success and is deleted on failure.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(path.parent) as temporary:
            yield temporary
            os.chmod(temporary, 0o777 & ~_umask())
            if not path.is_dir():
                os.replace(temporary, path)
                return
            with temporary_folder(path.parent) as before:  # both stay whole until one is in its place
                os.replace(path, before)
                os.replace(temporary, path)


@contextlib.contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder on the disk of another one, which is made.

    It is deleted afterwards; what a killed process left of its own, by the next one.

    Args:
        folder: That it lies in.

    Yields:
        The empty folder.

    Raises:
        UserError: The folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            temporary = stack.enter_context(temporary_folder(folder))
        yield temporary


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all.

    Args:
        path: Of the file; its folder is made.
        text: All of it.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON whole or not at all.

    Args:
        path: Of the file; its folder is made.
        value: Plain values; keys keep their order.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    write_text(path, json.dumps(value, indent=2, sort_keys=False) + "\n")


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        UserError: It cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        advice = "remove it, or choose another folder"
        raise UserError(f"cannot remove {path}: {error.strerror}; {advice}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {path}: {reason}; choose another folder or free the disk") from error
