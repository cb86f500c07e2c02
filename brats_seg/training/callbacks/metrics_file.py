"""What happened in every epoch, in one CSV file that survives a restart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from brats_seg.training.callbacks.rows import rows_before, write_rows


class MetricsFile(pl.Callback):
    """One row per finished epoch; on resume the rows of epochs that are done again are dropped.

    Lightning's own CSV logger deletes the file when its folder exists.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.began = 0.0
        self.validated = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows before the epoch that starts now."""
        self.rows = rows_before(self.path, trainer.current_epoch)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.began, self.validated = time.perf_counter(), False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lightning keeps old validation scores; only an epoch that validated may write them."""
        self.validated = True

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the row whole."""
        metrics = (
            trainer.callback_metrics
        )  # on every process: what is still to be summed over them is summed now
        if not trainer.is_global_zero:
            return
        fresh = {k: v for k, v in metrics.items() if self.validated or not k.startswith("val/")}
        values = {key: f"{float(value):.6g}" for key, value in sorted(fresh.items())}
        seconds = f"{time.perf_counter() - self.began:.2f}"
        self.rows.append(
            {"epoch": trainer.current_epoch, "step": trainer.global_step, "seconds": seconds, **values}
        )
        write_rows(self.path, self.rows)
