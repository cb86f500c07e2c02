"""How far is it, and how well does it go? One line per epoch, which a log file keeps too."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl


class Progress(pl.Callback):
    """Prints epoch, loss, rate, validation and the time that is left; on a terminal also the step within the epoch."""

    def __init__(self) -> None:
        self.began = 0.0
        self.first_epoch = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock; a resumed run counts from where it continues."""
        self.began, self.first_epoch = time.perf_counter(), trainer.current_epoch

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show the step, on a terminal only."""
        if trainer.is_global_zero and sys.stdout.isatty():
            print(
                f"\repoch {trainer.current_epoch + 1} step {batch_idx + 1}/{trainer.num_training_batches}  ",
                end="",
                flush=True,
            )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the epoch's line."""
        if not trainer.is_global_zero:
            return
        done, total = trainer.current_epoch + 1, int(trainer.max_epochs or 0)
        seconds = (time.perf_counter() - self.began) / (done - self.first_epoch)
        metrics = trainer.callback_metrics
        words = [
            f"epoch {done}/{total}",
            f"loss {float(metrics['train/loss']):.3f}",
            f"lr {trainer.optimizers[0].param_groups[0]['lr']:.2e}",
        ]
        words += [f"{key} {float(metrics[key]):.3f}" for key in ("val/loss", "val/dice") if key in metrics]
        words += [f"{seconds:.1f} s/epoch", f"{timedelta(seconds=round(seconds * (total - done)))} left"]
        print(("\r" if sys.stdout.isatty() else "") + "  ".join(words), flush=True)
