"""What does dropout draw?

Covered by tests/training/test_resume.py.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch

from brats_seg.seeds import seed_for


class StepSeed(pl.Callback):
    """Seeds torch by (seed, epoch, step, rank), so that a repeated step draws the same numbers.

    Crops, shuffle and augmentation have generators of their own. Seeding once per epoch would not suffice:
    Lightning draws from torch when it starts a loader, and after a resume it does that before the epoch.

    Args:
        seed: Of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed every device."""
        seed = seed_for(self.seed, trainer.current_epoch, batch_idx, trainer.global_rank, "step")
        torch.manual_seed(seed)
