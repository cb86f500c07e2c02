"""One device per training where several trainings share a machine: leased by lock file, so that other sweeps see it too."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import torch
from filelock import FileLock, Timeout

CPU = "cpu"
VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_SECONDS = 0.5


def devices(accelerator: str) -> list[str]:
    """What a training can be given: GPUs, as ``CUDA_VISIBLE_DEVICES`` names them; where there is none, the CPU as one.

    Args:
        accelerator: ``trainer.accelerator``.
    """
    count = 0 if accelerator == CPU else torch.cuda.device_count()
    visible = os.environ.get(VISIBLE)
    named = (
        [name.strip() for name in visible.split(",")] if visible else [str(index) for index in range(count)]
    )
    return named[:count] or [CPU]


def lock_folder() -> Path:
    """One per user and machine."""
    return Path(tempfile.gettempdir()) / f"brats_seg-devices-{os.getuid()}"


@contextlib.contextmanager
def leased(names: Sequence[str], slots: int) -> Iterator[str]:
    """Wait for a device; child processes that start meanwhile see no other.

    Args:
        names: Of the devices.
        slots: How many trainings may share one of them; each device is given once before one is given twice.
    """
    folder = lock_folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    files = [
        (name, folder / f"{name.replace('/', '_')}.{slot}.lock") for slot in range(slots) for name in names
    ]
    name, lock = _first_free([(name, FileLock(file)) for name, file in files])
    try:
        with patch.dict(os.environ, {} if name == CPU else {VISIBLE: name}):
            yield name
    finally:
        lock.release()


def _first_free(places: Sequence[tuple[str, FileLock]]) -> tuple[str, FileLock]:
    for attempt in itertools.count():
        for name, lock in places:
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=0)
                return name, lock
        if attempt == 1:  # the one before it may just have ended
            print(f"waiting for a device: {len(places)} trainings run (locks in {lock_folder()})", flush=True)
        time.sleep(POLL_SECONDS)
    raise AssertionError
