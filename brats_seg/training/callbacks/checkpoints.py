"""From where does an interrupted training continue?"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.utilities import rank_zero_only

from brats_seg.errors import UserError
from brats_seg.files import whole_file

LAST, PREVIOUS, NEW = "last.ckpt", "previous.ckpt", "new.ckpt"
BLOCK_BYTES = 2**20


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes a temporary file in the same folder, then renames it.

    Lightning's own class writes to the system's temporary folder, so its last step may be a copy, which can
    be interrupted. The SHA-256 of torch's archive is appended to it: torch checks none of the checksums
    inside, and those leave out the directory.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint whole or not at all."""
        with whole_file(Path(path)) as temporary:
            torch.save(checkpoint, temporary)
            digest = _sha256(temporary, temporary.stat().st_size)
            with temporary.open("ab") as file:
                file.write(digest)


class TwoCheckpoints(Checkpoint):
    """A checkpoint at the end of every epoch, after all other callbacks; the one before is kept.

    Args:
        folder: For ``last.ckpt`` and ``previous.ckpt``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last_is_whole = False

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; one whole checkpoint exists at every moment, and no damaged one replaces a whole one."""
        trainer.save_checkpoint(self.folder / NEW)
        if not trainer.is_global_zero:
            return
        if self.last_is_whole or is_whole(self.folder / LAST):
            os.replace(self.folder / LAST, self.folder / PREVIOUS)
        os.replace(self.folder / NEW, self.folder / LAST)
        self.last_is_whole = True


def usable_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole.

    Returns:
        Its path; None where there is no checkpoint yet.

    Raises:
        UserError: There are checkpoints, and all are damaged.
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
        if path != found[0]:
            message = f"{found[0]} is damaged: continuing from {path.name}, an epoch before"
            rank_zero_only(print)(message, flush=True)
        return path
    raise UserError(f"{folder}: every checkpoint is damaged; delete {folder.parent} to start again")


def is_whole(path: Path) -> bool:
    """Whether a checkpoint exists and is as it was written."""
    try:
        archive_bytes = path.stat().st_size - hashlib.sha256().digest_size
        with path.open("rb") as file:
            file.seek(max(archive_bytes, 0))
            return _sha256(path, archive_bytes) == file.read()
    except OSError:
        return False


def _sha256(path: Path, size: int) -> bytes:
    """SHA-256 of the first ``size`` bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0:
            block = file.read(min(size, BLOCK_BYTES))
            if not block:
                break
            digest.update(block)
            size -= len(block)
    return digest.digest()
