"""In which epochs does the encoder learn?"""

from __future__ import annotations

import pytorch_lightning as pl
from torch import nn
from torch.optim import Optimizer

from brats_seg.errors import UserError


class FrozenEncoder(pl.Callback):
    """Keeps the encoder as it is for the first epochs of a fine-tuning.

    Its gradients are dropped, so that no optimiser touches it, not even by decay. It is a function of the
    epoch alone: a resumed training needs no state.

    Args:
        epochs: How many.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Require an encoder.

        Raises:
            UserError: The network has none.
        """
        if not isinstance(getattr(pl_module.net, "encoder", None), nn.Module):
            name = type(pl_module.net).__name__
            raise UserError(f"fine_tune.frozen_epochs={self.epochs}: {name} has no part named encoder")

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Drop the encoder's gradients, before their norm is taken."""
        if trainer.current_epoch >= self.epochs:
            return
        encoder = pl_module.net.encoder  # type: ignore[union-attr]
        for parameter in encoder.parameters():  # type: ignore[union-attr]
            parameter.grad = None
