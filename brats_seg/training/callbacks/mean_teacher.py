"""What does the average of the weights teach? Covered by tests/training/test_mean_teacher.py."""

from __future__ import annotations

import pytorch_lightning as pl

from brats_seg.kinds import Amount
from brats_seg.schedules import ramp_up
from brats_seg.training.callbacks.exponential_average import ExponentialAverage


class MeanTeacher(ExponentialAverage):
    """An exponential average that also teaches (section 4; Tarvainen and Valpola, 2017).

    While the weight of its answers rises, its decay rises, too: a teacher that is new follows quickly. Both
    are functions of the epoch alone.

    Args:
        weight: Of the mean squared difference between its answers and those of the network that learns.
        ramp: Share of the epochs in which weight and decay rise.
        first_decay: Decay of the first epoch.
        decay: Decay once it has risen.
    """

    def __init__(self, *, weight: Amount, ramp: Amount, first_decay: Amount, decay: Amount) -> None:
        super().__init__(decay=decay)
        self.weight = weight
        self.ramp = ramp
        self.first_decay = first_decay
        self.last_decay = decay

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Set the decay of this epoch."""
        epochs = self._epochs(trainer)
        risen = min(trainer.current_epoch / epochs, 1) if epochs else 1
        self.decay = self.first_decay + (self.last_decay - self.first_decay) * risen

    def weight_now(self, trainer: pl.Trainer) -> float:
        """The weight in this epoch."""
        return self.weight * ramp_up(trainer.current_epoch, self._epochs(trainer))

    def _epochs(self, trainer: pl.Trainer) -> int:
        assert trainer.max_epochs is not None
        return round(self.ramp * trainer.max_epochs)
