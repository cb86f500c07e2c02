"""From where does an interrupted training continue?"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint
from torch import Tensor

from brats_seg.errors import UserError
from brats_seg.files import whole_file
from brats_seg.training.callbacks.checkpoint_files import LAST, NEW, PREVIOUS, is_whole, sha256_of


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes a temporary file in the same folder, then renames it.

    Lightning's own class writes to the system's temporary folder, so its last step may be a copy, which can
    be interrupted. The SHA-256 of torch's archive is appended to it: torch checks none of the checksums
    inside, and those leave out the directory.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint whole or not at all.

        Args:
            checkpoint: Plain values and tensors.
            path: Of the file.
            storage_options: Takes the checkpoint in the place of the file.
        """
        if storage_options is not None:
            storage_options(checkpoint)
            return
        with whole_file(Path(path)) as temporary:
            with temporary.open("wb") as file:  # torch's own writing aborts the process on a full disk
                torch.save(checkpoint, file)
            digest = sha256_of(temporary, temporary.stat().st_size)
            with temporary.open("ab") as file:
                file.write(digest)


class WritesWeights(Protocol):
    """A callback that writes weights of some epochs into a file of its own."""

    def wrote(self, epoch: int) -> bool:
        """Whether it has written those of this epoch."""


class TwoCheckpoints(Checkpoint):
    """The state at the end of every epoch, after all other callbacks; written now and then.

    What is not written yet is held in memory, and written when the training is ended from outside or by an
    error. The file before is kept.

    Args:
        folder: For ``last.ckpt`` and ``previous.ckpt``.
        minutes: Between two files, at least; 0: one at the end of every epoch.
        beside: A file is also written with every file of theirs, so that the two agree.
    """

    def __init__(self, folder: Path, minutes: float = 0, beside: Sequence[WritesWeights] = ()) -> None:
        self.folder = folder
        self.seconds = 60 * minutes
        self.beside = beside
        self.last_is_whole = False
        self.written = 0.0
        self.held: dict[str, Any] | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.written = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save, on disk where it is time, else in memory."""
        if not self._is_due(trainer):
            trainer.save_checkpoint(self.folder / NEW, storage_options=self._hold)
            return
        self.held = None
        trainer.save_checkpoint(self.folder / NEW)
        if trainer.is_global_zero:
            self._replace()
        self.written = time.monotonic()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Write what is held in memory; an error in that does not hide the first one."""
        try:
            self.write_held()
        except UserError as error:
            print(error, flush=True)

    def write_held(self) -> None:
        """Write the end of the last epoch, where that is not done yet."""
        held, self.held = self.held, None
        if held is not None:
            WholeCheckpointIO().save_checkpoint(held, self.folder / NEW)
            self._replace()

    def _is_due(self, trainer: pl.Trainer) -> bool:
        """The same in every process, because all of them take part in saving."""
        epoch = trainer.current_epoch
        late = time.monotonic() - self.written >= self.seconds
        at_the_end = epoch + 1 == trainer.max_epochs
        due = late or at_the_end or any(callback.wrote(epoch) for callback in self.beside)
        return bool(trainer.strategy.broadcast(due))

    def _hold(self, checkpoint: dict[str, Any]) -> None:
        self.held = _copied(checkpoint)

    def _replace(self) -> None:
        """One whole checkpoint exists at every moment, and no damaged one replaces a whole one."""
        if self.last_is_whole or is_whole(self.folder / LAST):
            os.replace(self.folder / LAST, self.folder / PREVIOUS)
        os.replace(self.folder / NEW, self.folder / LAST)
        self.last_is_whole = True


def _copied(value: Any) -> Any:
    """A copy in the computer's memory of everything that training goes on to change."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_copied(inner) for inner in value])
    return value
