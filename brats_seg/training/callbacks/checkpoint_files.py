"""The files that an interrupted training continues from: which of them is whole, and may be loaded.

Covered by tests/training/callbacks/test_checkpoints.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_only

from brats_seg.errors import FileError, UserError
from brats_seg.files import open_regular
from brats_seg.runtime.memory import is_out_of_memory

LAST, PREVIOUS, NEW = "last.ckpt", "previous.ckpt", "new.ckpt"
BLOCK_BYTES = 2**20
SAFE_TORCH = (2, 10)
"""From here on a file of plain values can do nothing else (CVE-2026-24747); Volta cards want an older one."""


def usable_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole.

    Returns:
        Its path; None where there is no checkpoint yet.

    Raises:
        UserError: There are checkpoints, and all are damaged, or it may run code here.
    """
    newest_first = (
        folder / NEW,
        folder / LAST,
        folder / PREVIOUS,
    )  # NEW is there if the renaming was cut off
    found = [path for path in newest_first if path.exists()]
    if not found:
        return None
    for path in found:
        if not is_whole(path):
            continue
        _refuse_another_users(path)
        if path != found[0]:
            message = f"{found[0]} is damaged: continuing from {path.name}, which is older"
            rank_zero_only(print)(message, flush=True)
        return path
    raise UserError(f"{folder}: every checkpoint is damaged; delete {folder.parent} to start again")


def _refuse_another_users(path: Path) -> None:
    """Refuse what only a checkpoint that we have not written could do."""
    major, minor = (int(part) for part in torch.__version__.split(".")[:2])
    if (major, minor) < SAFE_TORCH and path.stat().st_uid != os.getuid():
        risk = f"loading it with torch {torch.__version__} may run code in it (CVE-2026-24747)"
        remedy = "install torch 2.10 or later, or give a runs_root=DIR of your own"
        raise UserError(f"{path} was written by another user, and {risk}: {remedy}")


def is_whole(path: Path) -> bool:
    """Whether a checkpoint exists and is as it was written."""
    try:
        with open_regular(path) as file:
            archive_bytes = os.fstat(file.fileno()).st_size - hashlib.sha256().digest_size
            file.seek(max(archive_bytes, 0))
            return sha256_of(path, archive_bytes) == file.read()
    except FileError:
        return False


@contextlib.contextmanager
def explained_checkpoint(path: Path | None, trainer: pl.Trainer) -> Iterator[None]:
    """A checkpoint that a training cannot continue from is one line; Lightning continues inside.

    Args:
        path: Of the checkpoint; None: there is none.
        trainer: Continues from it.

    Raises:
        UserError: It is that of something else. No code in it has run.
    """
    try:
        yield
    except (UserError, OSError):
        raise
    except Exception as error:
        restored = trainer.num_training_batches != math.inf  # counted only when everything is restored
        if path is None or restored or is_out_of_memory(error):
            raise
        if isinstance(error, pickle.UnpicklingError):
            reason = "it holds more than plain values"
        else:
            reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        advice = f"put that of this training back, or delete {path.parent.parent} to start again"
        raise UserError(f"{path} is no checkpoint of this training ({reason}): {advice}") from error


def sha256_of(path: Path, size: int) -> bytes:
    """SHA-256 of the first bytes of a file.

    Args:
        path: Of the file.
        size: How many bytes.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0:
            block = file.read(min(size, BLOCK_BYTES))
            if not block:
                break
            digest.update(block)
            size -= len(block)
    return digest.digest()
