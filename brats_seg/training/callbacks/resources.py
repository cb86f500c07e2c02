"""What does the training cost, and does it wait for data?

Covered by tests/training/test_module.py.
"""

from __future__ import annotations

import resource
import time
from typing import Any

import pytorch_lightning as pl
import torch

from brats_seg.terms import Batch

GIB = 2**30


class Resources(pl.Callback):
    """Logs per epoch: patches per second, share of the time spent waiting for the loader, peak memory.

    Validation does not count. ``peak_rss_gib`` is of this process since its start, ``peak_cuda_gib`` of the
    epoch.
    """

    def __init__(self) -> None:
        self.began = 0.0
        self.ended = 0.0
        self.waited = 0.0
        self.patches = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.began = time.perf_counter()
        self.ended = self.began
        self.waited = 0.0
        self.patches = 0
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Add the time from the end of the last step until the batch arrived."""
        self.waited += float(pl_module.arrived) - self.ended  # type: ignore[arg-type]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Count the patches; at the last one wait for a GPU, which runs behind the process."""
        if pl_module.device.type == "cuda" and batch_idx + 1 == trainer.num_training_batches:
            torch.cuda.synchronize(pl_module.device)
        self.ended = time.perf_counter()
        self.patches += len(batch.case_ids)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the epoch's speed and memory."""
        seconds = max(self.ended - self.began, 1e-9)
        logged = {
            "resources/patches_per_second": self.patches * trainer.world_size / seconds,
            "resources/data_wait_share": self.waited / seconds,
            "resources/peak_rss_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB,
        }
        if pl_module.device.type == "cuda":
            logged["resources/peak_cuda_gib"] = torch.cuda.max_memory_allocated(pl_module.device) / GIB
        pl_module.log_dict(logged)
