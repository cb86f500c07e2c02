"""A command in a fork of this process, which has imported everything; that takes longer than the command."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import pkgutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SECONDS = 120
"""A command that takes longer hangs, and is ended by SIGALRM."""
CAPABILITIES_VERSION = 0x20080522
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2
"""By these root reads what the permissions forbid (capabilities(7))."""


@dataclass(frozen=True)
class Done:
    """How a command ended; ``code`` is negative after a signal."""

    code: int
    said: str


def import_everything() -> None:
    """Once, for all commands."""
    package = importlib.import_module("brats_seg")
    for module in pkgutil.walk_packages(package.__path__, "brats_seg."):
        importlib.import_module(module.name)


class Running:
    """A command that runs; it is killed where the block of ``with`` is left before its end.

    Attributes:
        process: Its number.
        out: The file with what it prints, errors included.
    """

    def __init__(self, process: int, out: Path) -> None:
        self.process = process
        self.out = out
        self.done: Done | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it has ended; :meth:`end` still says how."""
        return self.done is not None or bool(
            os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        )

    def lines(self) -> Iterator[str]:
        """What it prints, until it ends."""
        with self.out.open(errors="replace") as file:
            begun = ""
            while True:
                ended = self.has_ended
                begun += (line := file.readline())
                if begun.endswith("\n"):
                    yield begun
                    begun = ""
                elif ended and not line:
                    return
                elif not line:
                    time.sleep(0.005)

    def kill(self) -> None:
        """By a signal that it cannot catch."""
        os.kill(self.process, signal.SIGKILL)

    def end(self) -> Done:
        """Wait for its end, and say how it ended."""
        if self.done is None:
            _, status = os.waitpid(self.process, 0)
            said = self.out.read_text(errors="replace")
            self.done = Done(os.waitstatus_to_exitcode(status), said)
        return self.done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.done is None:
            self.kill()
            self.end()


def start(folder: Path, arguments: Sequence[str], before: Callable[[], None] = lambda: None) -> Running:
    """Start a command in a folder, without the rights of root, after something else in the same process."""
    out = folder / ".said"
    out.write_text("")
    with warnings.catch_warnings(action="ignore"):  # Python 3.12: threads do not survive a fork
        process = os.fork()
    if process == 0:
        gc.freeze()  # else looking for garbage copies every page of this process
        try:
            _become(folder, out)
            before()
            sys.argv = ["brats-seg", *arguments]
            importlib.import_module("brats_seg.cli.main").main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
            code = 70
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return Running(process, out)


def run(folder: Path, arguments: Sequence[str], before: Callable[[], None] = lambda: None) -> Done:
    """Start a command as :func:`start` does, and wait for its end."""
    return start(folder, arguments, before).end()


def _become(folder: Path, out: Path) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    os.chdir(folder)
    file = os.open(out, os.O_WRONLY | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115 (open until the end)
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    if os.geteuid() == 0:
        _drop_rights_of_root()


def _drop_rights_of_root() -> None:
    """Root keeps its number, and its rights as an owner."""
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    library = ctypes.CDLL(None, use_errno=True)
    assert library.capget(header, sets) == 0, os.strerror(ctypes.get_errno())
    for place in range(3):
        sets[place] &= ~(1 << DAC_OVERRIDE | 1 << DAC_READ_SEARCH)
    assert library.capset(header, sets) == 0, os.strerror(ctypes.get_errno())
