"""From where does a training that was cut off continue?"""

from __future__ import annotations

import os
import zipfile
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


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes beside, then renames; Lightning's own goes through the system's temporary folder, so its last step may be a copy."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint whole or not at all."""
        with whole_file(Path(path)) as temporary:
            torch.save(checkpoint, temporary)


class TwoCheckpoints(Checkpoint):
    """A checkpoint at the end of every epoch, after all other callbacks; the one before is kept.

    Args:
        folder: For ``last.ckpt`` and ``previous.ckpt``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; at no moment is there less than one whole checkpoint."""
        trainer.save_checkpoint(self.folder / NEW)
        if trainer.is_global_zero:
            if (self.folder / LAST).exists():
                os.replace(self.folder / LAST, self.folder / PREVIOUS)
            os.replace(self.folder / NEW, self.folder / LAST)


def usable_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole; None at the beginning.

    Raises:
        UserError: There are checkpoints, and all are damaged.
    """
    found = [path for path in (folder / LAST, folder / PREVIOUS) if path.exists()]
    for path in found:
        if _is_whole(path):
            if path != found[0]:
                rank_zero_only(print)(f"{found[0]} is damaged: continuing from {path.name}, an epoch before", flush=True)
            return path
    if found:
        raise UserError(f"{folder}: every checkpoint is damaged; delete {folder.parent} to start again")
    return None


def _is_whole(path: Path) -> bool:
    """Torch writes checksums into its archives and does not read them."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError, EOFError):
        return False
