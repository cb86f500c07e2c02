"""What happened in every epoch, in one CSV file that survives a restart.

Covered by tests/training/test_run.py.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from brats_seg.training.callbacks.rows import rows_before, write_rows


class MetricsFile(pl.Callback):
    """One row per finished epoch; on resume the rows of repeated epochs are dropped.

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
        self.began = time.perf_counter()
        self.validated = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note that this epoch has validation scores: Lightning keeps showing those of an earlier one."""
        self.validated = True

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the file with one more row."""
        metrics = (
            trainer.callback_metrics
        )  # on every process: this sums over the processes what is still to be summed
        if not trainer.is_global_zero:
            return
        row: dict[str, Any] = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "seconds": f"{time.perf_counter() - self.began:.2f}",
        }
        for key, value in sorted(metrics.items()):
            if self.validated or not key.startswith("val/"):
                row[key] = f"{float(value):.6g}"
        self.rows.append(row)
        write_rows(self.path, self.rows)
