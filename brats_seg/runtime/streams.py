"""Standard streams that may be closed, full or read by nobody: the work goes on.

Covered by tests/runtime/test_streams.py.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = 0, 1, 2


class _Unread(io.FileIO):
    """A file whose lines are dropped once they cannot be written, such as by ``| head``."""

    def write(self, data: ReadableBuffer, /) -> int:
        with contextlib.suppress(OSError):
            return super().write(data)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())  # for what this process starts, too
        os.close(nowhere)
        return memoryview(data).nbytes


def keep_streams() -> None:
    """Open the standard streams that are closed, and let no failure of one end the work.

    Characters that the terminal's encoding lacks are written as escapes. Streams that somebody has replaced
    stay as they are.
    """
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            # Takes the lowest number that is free, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _kept(sys.stdout, STDOUT)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _kept(sys.stderr, STDERR)


def _kept(stream: TextIO | None, number: int) -> TextIO:
    encoding = None if stream is None else stream.encoding
    file = io.BufferedWriter(_Unread(number, "w", closefd=False))
    by_line = number == STDERR or file.isatty()
    return io.TextIOWrapper(file, encoding, errors="backslashreplace", line_buffering=by_line)
