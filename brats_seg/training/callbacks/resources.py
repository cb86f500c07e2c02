"""What does the training cost, and does it wait for data?"""

from __future__ import annotations

import resource
import time
from typing import Any

import pytorch_lightning as pl
import torch

from brats_seg.terms import Batch

GIB = 2**30


class Resources(pl.Callback):
    """Logs per epoch: patches per second, share of the time that was spent waiting for the loader, peak memory.

    Validation does not count. Memory is this process's own since it started; CUDA's is the epoch's.
    """

    def __init__(self) -> None:
        self.began = self.ended = self.waited = 0.0
        self.patches = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.began = self.ended = time.perf_counter()
        self.waited, self.patches = 0.0, 0
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """The loader was waited for from the last step's end until the batch arrived."""
        self.waited += float(pl_module.arrived) - self.ended  # type: ignore[arg-type]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Count the patches."""
        self.ended = time.perf_counter()
        self.patches += len(batch.case_ids)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log what the epoch took."""
        seconds = max(self.ended - self.began, 1e-9)
        logged = {
            "resources/patches_per_second": self.patches * trainer.world_size / seconds,
            "resources/data_wait_share": self.waited / seconds,
            "resources/peak_rss_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB,
        }
        if pl_module.device.type == "cuda":
            logged["resources/peak_cuda_gib"] = torch.cuda.max_memory_allocated(pl_module.device) / GIB
        pl_module.log_dict(logged)
