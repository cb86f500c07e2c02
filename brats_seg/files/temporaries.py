"""Files and folders that are being written, and what a killed process left of them.

Whoever writes holds a lock on the temporary, which the kernel releases when the process dies: a temporary
that can be locked is left over. Windows has no such locks: nothing is taken for left over there.
Covered by tests/test_files.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    LOCKS = False
else:
    LOCKS = True

PREFIX = ".tmp-brats_seg-"
"""Of names that nobody else gives: whatever is called so may be removed."""


@contextlib.contextmanager
def temporary_file(folder: Path, suffix: str = "") -> Iterator[Path]:
    """Make an empty file, after removing what killed processes left in the folder.

    Args:
        folder: Where.
        suffix: Of the file's name.

    Yields:
        Its path; the file is deleted afterwards if it is still there.
    """

    def make() -> Path:
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=suffix, dir=folder)
        os.close(handle)
        return Path(name)

    remove_leftovers(folder)
    path, lock = _held(make)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        _release(lock)


@contextlib.contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Make an empty folder, after removing what killed processes left beside it.

    Args:
        folder: Where.

    Yields:
        Its path; it is deleted afterwards if it is still there.
    """
    remove_leftovers(folder)
    path, lock = _held(lambda: Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder)))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _release(lock)


def remove_leftovers(folder: Path) -> None:
    """Remove every temporary in a folder whose process is dead; those of living ones, and links, stay."""
    if not LOCKS:
        return
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.name.startswith(PREFIX):
                _remove_if_left(Path(entry.path))


def _remove_if_left(path: Path) -> None:
    with contextlib.suppress(OSError):
        lock = _open(path)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stat.S_ISDIR(os.fstat(lock).st_mode):
                shutil.rmtree(path)
            else:
                path.unlink()
        finally:
            os.close(lock)


def _held(make: Callable[[], Path]) -> tuple[Path, int | None]:
    """A new temporary, and the descriptor that holds its lock.

    Another process may take it for left over before it is locked: then it is made again.
    """
    if not LOCKS:
        return make(), None
    while True:
        path = make()
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            lock = _open(path)
            with contextlib.suppress(BlockingIOError):
                _lock_where_possible(lock)
                if os.path.samestat(os.fstat(lock), path.lstat()):
                    return path, lock
            os.close(lock)


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _lock_where_possible(descriptor: int) -> None:
    """Without locks, as on some network disks, nothing is ever taken for left over."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return


def _open(path: Path) -> int:
    """For its lock; network disks want a file open for writing."""
    access = os.O_RDONLY if path.is_dir() else os.O_RDWR
    return os.open(path, access | os.O_NOFOLLOW | os.O_NONBLOCK)
