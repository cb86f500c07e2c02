"""Files of unknown origin: regular files only, of bounded size, texts without control characters.

Covered by tests/test_files.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from brats_seg.errors import FileError

MAX_TEXT_BYTES = 64_000_000
"""The largest JSON or CSV file that is read: more than any list of cases takes."""
READ_AT_ONCE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Without waiting: what was a file may have become a FIFO. Windows has the last flag, others the other."""
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys; a new line and a tab may stand in a text."""


@contextlib.contextmanager
def open_regular(path: Path, most_bytes: int | None = None) -> Iterator[BinaryIO]:
    """Open a regular file to read bytes; a device or a FIFO, which could block for ever, is refused.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused; None: any size.

    Yields:
        The open file.

    Raises:
        FileError: There is no such file, it is of another kind, too large, or cannot be read.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise FileError(path, "a file", "a folder")
        if not stat.S_ISREG(status.st_mode):
            raise FileError(path, "a file", "something that is no regular file")
        if most_bytes is not None and status.st_size > most_bytes:
            raise FileError(path, f"at most {most_bytes} bytes", f"{status.st_size}")
        with os.fdopen(os.open(path, READ_AT_ONCE), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FileError(path, "a file", "something that is no regular file")
            yield file
    except FileNotFoundError:
        raise FileError(path, "a file", "none") from None
    except OSError as error:
        raise FileError(path, "a readable file", error.strerror or str(error)) from error


def read_bytes(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The bytes of a regular file.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused before it is read.

    Returns:
        All of the file.

    Raises:
        FileError: There is no such file, it is of another kind, too large, or cannot be read.
    """
    with open_regular(path, most_bytes) as file:
        expected = min(os.fstat(file.fileno()).st_size, most_bytes) + 1
        data = file.read(expected)  # takes as much memory as it is asked for
        if len(data) == expected:
            data += file.read(most_bytes + 1 - expected)
    if len(data) > most_bytes:  # it has grown, or its size was not told
        raise FileError(path, f"at most {most_bytes} bytes", "more")
    return data


def read_text(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text of a regular file of UTF-8 without control characters.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused before it is read.

    Returns:
        All of it.

    Raises:
        FileError: As :func:`read_bytes`, or it is no such text.
    """
    try:
        text = read_bytes(path, most_bytes).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(path, "text in UTF-8", f"something else ({error})") from error
    refuse_control(path, text)
    return text


def refuse_control(path: Path, text: str) -> None:
    """Refuse what a terminal would obey.

    Args:
        path: Of the file that the text was read from, for the error.
        text: Any.

    Raises:
        FileError: The text holds a control character.
    """
    found = CONTROL.search(text)
    if found is not None:
        raise FileError(path, "plain text", f"the control character {found[0]!a}")


def file_sha256(path: Path) -> str:
    """The sha256 of a regular file, in hexadecimal digits.

    Raises:
        FileError: As :func:`open_regular`.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
