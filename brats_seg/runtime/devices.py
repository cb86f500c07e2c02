"""One device per training where several trainings share a machine.

A device is leased by a lock file, so that other sweeps of the same user see it too.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import torch
from filelock import FileLock, Timeout

from brats_seg.errors import UserError
from brats_seg.runtime.card import CPU, VISIBLE

POLL_SECONDS = 0.5


def list_devices(accelerator: str) -> list[str]:
    """The devices that a training can be given.

    Args:
        accelerator: ``trainer.accelerator``.

    Returns:
        The GPUs, as ``CUDA_VISIBLE_DEVICES`` names them; without a GPU ``["cpu"]``.
    """
    count = 0 if accelerator == CPU else torch.cuda.device_count()
    visible = os.environ.get(VISIBLE)
    numbers = [str(index) for index in range(count)]
    names = [name.strip() for name in visible.split(",")] if visible else numbers
    return names[:count] or [CPU]


def lock_folder() -> Path:
    """One per user and machine."""
    return Path(tempfile.gettempdir()) / f"brats_seg-devices-{os.getuid()}"


@contextlib.contextmanager
def lease_device(names: Sequence[str], slots: int) -> Iterator[str]:
    """Wait for a free device; child processes that start meanwhile see no other.

    Args:
        names: The devices.
        slots: How many trainings may share one device; each device is given once before one is given twice.

    Yields:
        The name of the device.
    """
    folder = lock_folder()
    _own(folder)
    places: list[tuple[str, FileLock]] = []
    for slot in range(slots):
        for name in names:
            file = folder / f"{name.replace('/', '_')}.{slot}.lock"
            places.append((name, FileLock(file)))
    name, lock = _first_free(places)
    try:
        with patch.dict(os.environ, {} if name == CPU else {VISIBLE: name}):
            yield name
    finally:
        lock.release()


def _own(folder: Path) -> None:
    """Make the folder of the locks; where everybody may write, another user's could have its name."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        reason = "" if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() else "another user's"
    except OSError as error:
        reason = str(error.strerror or error)
    if reason:
        raise UserError(f"no locks for the devices in {folder} ({reason}): set TMPDIR to a folder of yours")


def _first_free(places: Sequence[tuple[str, FileLock]]) -> tuple[str, FileLock]:
    for attempt in itertools.count():
        for name, lock in places:
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=0)
                return name, lock
        if attempt == 1:  # not at the first: another training may just have ended
            print(f"waiting for a device: {len(places)} trainings run (locks in {lock_folder()})", flush=True)
        time.sleep(POLL_SECONDS)
    raise AssertionError
