"""Which epoch had the lowest validation loss?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from brats_seg.errors import UserError
from brats_seg.training.weights import Facts, write_weights


class BestWeights(pl.Callback):
    """Keeps the weights with the lowest validation loss in one file (section 2.5).

    Loss and epoch are in Lightning's checkpoint, which is written after the file: an epoch that is done again is compared again.
    Lightning's own callback forgets them when the folder has moved.

    Args:
        path: Of the file.
        facts: What it says of itself.
    """

    def __init__(self, path: Path, facts: Facts) -> None:
        self.path, self.facts = path, facts
        self.loss, self.epoch = math.inf, -1

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Notice at once where the file of an earlier start is gone."""
        self.check()

    def check(self) -> None:
        """The file must be there once there was a best epoch.

        Raises:
            UserError: It is gone.
        """
        if self.epoch >= 0 and not self.path.exists():
            raise UserError(
                f"{self.path} is missing: put it back, or delete {self.path.parent} to start again"
            )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare; NaN is never the lowest, nor is the score of an earlier epoch, which Lightning keeps."""
        loss = float(trainer.callback_metrics.get("val/loss", math.inf))
        if loss < self.loss:
            self.loss, self.epoch = loss, trainer.current_epoch
            if trainer.is_global_zero:
                write_weights(self.path, pl_module.net, {**self.facts, "epoch": self.epoch})  # type: ignore[arg-type]

    def state_dict(self) -> dict[str, Any]:
        """What it is compared with."""
        return {"loss": self.loss, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue to compare with it."""
        self.loss, self.epoch = state_dict["loss"], state_dict["epoch"]
