"""Loss scaling that never asks the GPU whether a step is to be taken.

Covered by tests/training/test_module.py.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from torch.optim import Optimizer


class ScalerWithoutAsking(torch.amp.GradScaler):
    """Always takes the step: the training undoes it on the device where the gradient is not finite.

    torch's own reads from the device, in every step, whether the gradient is finite.
    """

    def _maybe_opt_step(
        self, optimizer: Optimizer, optimizer_state: dict[str, Any], *args: Any, **kwargs: Any
    ) -> float | None:
        loss: float | None = optimizer.step(*args, **kwargs)
        return loss


def without_asking(trainer: pl.Trainer) -> pl.Trainer:
    """Replace the scaler of a trainer whose network is on a GPU."""
    precision = trainer.precision_plugin
    on_gpu = trainer.strategy.root_device.type == "cuda"
    if on_gpu and isinstance(precision, MixedPrecision) and precision.scaler is not None:
        precision.scaler = ScalerWithoutAsking("cuda")
    return trainer
