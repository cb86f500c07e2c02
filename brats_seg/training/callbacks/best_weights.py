"""Which epoch had the lowest validation loss?

Covered by tests/training/test_resume.py.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from brats_seg.artifacts.run_folder import VALIDATION_LOSS
from brats_seg.errors import UserError
from brats_seg.training.weights import Facts, write_weights


class BestWeights(pl.Callback):
    """Keeps the weights with the lowest validation loss in one file (section 2.5).

    Loss and epoch are in Lightning's checkpoint, which is written after the file: a repeated epoch is
    compared again. Lightning's own callback forgets them when the folder has moved.

    Args:
        path: Of the file.
        facts: Written beside the weights.
    """

    def __init__(self, path: Path, facts: Facts) -> None:
        self.path = path
        self.facts = facts
        self.loss = math.inf
        self.epoch = -1

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once if the file of an earlier start is gone."""
        self.check()

    def check(self) -> None:
        """Require the file once there was a best epoch.

        Raises:
            UserError: The file is gone.
        """
        if self.epoch >= 0 and not self.path.exists():
            raise UserError(
                f"{self.path} is missing: put it back, or delete {self.path.parent} to start again"
            )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the weights if the loss is lower; NaN is not, nor an older loss that Lightning still holds."""
        loss = float(trainer.callback_metrics.get(VALIDATION_LOSS, math.inf))
        if not loss < self.loss:
            return
        self.loss = loss
        self.epoch = trainer.current_epoch
        if trainer.is_global_zero:
            facts = {**self.facts, "epoch": self.epoch}
            write_weights(self.path, pl_module.net, facts)  # type: ignore[arg-type]

    def wrote(self, epoch: int) -> bool:
        """Whether the file holds the weights of this epoch."""
        return self.epoch == epoch

    def state_dict(self) -> dict[str, Any]:
        """The lowest loss so far and its epoch."""
        return {"loss": self.loss, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from an earlier start."""
        self.loss = state_dict["loss"]
        self.epoch = state_dict["epoch"]
