"""From where does a training that was cut off continue?"""

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
    """Writes beside, then renames; Lightning's own goes through the system's temporary folder, so its last step may be a copy.

    Behind torch's archive stands its SHA-256: torch reads none of the checksums inside, and those leave out the directory.
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
        """Save; at no moment is there less than one whole checkpoint, nor does a damaged one take the place of a whole one."""
        trainer.save_checkpoint(self.folder / NEW)
        if trainer.is_global_zero:
            if self.last_is_whole or is_whole(self.folder / LAST):
                os.replace(self.folder / LAST, self.folder / PREVIOUS)
            os.replace(self.folder / NEW, self.folder / LAST)
            self.last_is_whole = True


def usable_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole; None at the beginning.

    Raises:
        UserError: There are checkpoints, and all are damaged.
    """
    found = [
        path for path in (folder / NEW, folder / LAST, folder / PREVIOUS) if path.exists()
    ]  # a new one is not renamed yet
    for path in found:
        if is_whole(path):
            if path != found[0]:
                rank_zero_only(print)(
                    f"{found[0]} is damaged: continuing from {path.name}, an epoch before", flush=True
                )
            return path
    if found:
        raise UserError(f"{folder}: every checkpoint is damaged; delete {folder.parent} to start again")
    return None


def is_whole(path: Path) -> bool:
    """Whether a checkpoint is there as it was written."""
    try:
        archive_bytes = path.stat().st_size - hashlib.sha256().digest_size
        with path.open("rb") as file:
            file.seek(max(archive_bytes, 0))
            return _sha256(path, archive_bytes) == file.read()
    except OSError:
        return False


def _sha256(path: Path, size: int) -> bytes:
    """Of the first ``size`` bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(size, BLOCK_BYTES))):
            digest.update(block)
            size -= len(block)
    return digest.digest()
