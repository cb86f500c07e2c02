"""Which learning rate does this epoch have?

Covered by tests/training/callbacks/test_cyclic_swa.py.
"""

from __future__ import annotations

import pytorch_lightning as pl

from brats_seg.kinds import Amount, Count
from brats_seg.schedules import cosine_decay
from brats_seg.training.init_bundle import RATE_FACTOR


class CosineDecay(pl.Callback):
    """Constant rate, then half a cosine down to zero, set at the start of each epoch (section 2.5).

    The rate is a function of the epoch alone, so a resumed run needs no state. After the last of these
    epochs the callback does nothing.

    Args:
        base_rate: Rate of the constant part: that of the optimiser.
        constant_epochs: Its length.
        cosine_epochs: Length of the decay.
    """

    def __init__(self, *, base_rate: Amount, constant_epochs: Count, cosine_epochs: Count) -> None:
        self.base_rate, self.constant_epochs, self.cosine_epochs = base_rate, constant_epochs, cosine_epochs

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        return cosine_decay(epoch, self.base_rate, self.constant_epochs, self.cosine_epochs)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Set the rate of every parameter group."""
        if trainer.current_epoch >= self.constant_epochs + self.cosine_epochs:
            return
        rate = self.rate(trainer.current_epoch)
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = rate * group.get(RATE_FACTOR, 1)
        pl_module.log("lr", rate)
