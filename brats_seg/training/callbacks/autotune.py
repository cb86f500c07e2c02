"""cuDNN's search for the fastest algorithm, where every batch has the same size.

Covered by tests/training/test_module.py.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch


class Autotune(pl.Callback):
    """On for training patches; off for whole brains, each of which would be searched for anew."""

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Search."""
        torch.backends.cudnn.benchmark = True

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Search no more."""
        torch.backends.cudnn.benchmark = False

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave it off for what follows."""
        torch.backends.cudnn.benchmark = False

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Leave it off for what follows."""
        torch.backends.cudnn.benchmark = False
