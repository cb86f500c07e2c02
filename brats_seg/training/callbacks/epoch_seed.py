"""What does dropout draw?"""

from __future__ import annotations

import pytorch_lightning as pl
import torch

from brats_seg.seeds import seed_for


class EpochSeed(pl.Callback):
    """Seeds torch by (seed, epoch, rank), so that an epoch that is done again draws the same.

    Crops, shuffle and augmentation have generators of their own.

    Args:
        seed: Of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Seed every device."""
        torch.manual_seed(seed_for(self.seed, trainer.current_epoch, trainer.global_rank, "step"))
