"""A file that keeps other processes out. Covered by tests/test_files.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from brats_seg.errors import UserError


@contextlib.contextmanager
def locked(path: Path, *, remedy: str, busy: str | None = None) -> Iterator[None]:
    """Hold a lock while something is done.

    Args:
        path: Of the lock file; its folder is made.
        remedy: What to do where there is no lock to be had.
        busy: The error where another process holds it; None: wait.

    Raises:
        UserError: Another process holds the lock, or the disk gives none.
    """
    lock = FileLock(path, timeout=-1 if busy is None else 0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UserError(busy or f"{path} is held by another process") from None
    except (OSError, NotImplementedError) as error:  # the second where the disk knows no locks
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot write {path.parent} ({reason}): {remedy}") from error
    try:
        yield
    finally:
        lock.release()
