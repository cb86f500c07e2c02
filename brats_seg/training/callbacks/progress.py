"""How far is the training, and how well does it go? One line per epoch, on a terminal and in a log file.

Covered by tests/training/test_resume.py.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl

from brats_seg.artifacts.run_folder import VALIDATION_DICE, VALIDATION_LOSS


class Progress(pl.Callback):
    """Prints epoch, loss, rate, validation and time left; on a terminal also the step within the epoch."""

    def __init__(self) -> None:
        self.began = 0.0
        self.first_epoch = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock; a resumed run counts from where it continues."""
        self.began = time.perf_counter()
        self.first_epoch = trainer.current_epoch
        if trainer.is_global_zero and self.first_epoch:
            print(f"goes on after epoch {self.first_epoch} of {trainer.max_epochs}", flush=True)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show the step, on a terminal only."""
        if trainer.is_global_zero and sys.stdout.isatty():
            step = f"step {batch_idx + 1}/{trainer.num_training_batches}"
            print(f"\repoch {trainer.current_epoch + 1} {step}  ", end="", flush=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the epoch's line."""
        if not trainer.is_global_zero:
            return
        done = trainer.current_epoch + 1
        total = int(trainer.max_epochs or 0)
        seconds = (time.perf_counter() - self.began) / (done - self.first_epoch)
        left = timedelta(seconds=round(seconds * (total - done)))
        metrics = trainer.callback_metrics
        words = [f"epoch {done}/{total}", f"loss {float(metrics['train/loss']):.3f}"]
        words.append(f"lr {trainer.optimizers[0].param_groups[0]['lr']:.2e}")
        for key in (VALIDATION_LOSS, VALIDATION_DICE):
            if key in metrics:
                words.append(f"{key} {float(metrics[key]):.3f}")
        words += [f"{seconds:.1f} s/epoch", f"{left} left"]
        start_of_line = "\r" if sys.stdout.isatty() else ""
        print(start_of_line + "  ".join(words), flush=True)
