"""What are the weights on average over the last steps?"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from brats_seg.kinds import Amount


class ExponentialAverage(pl.Callback):
    """Keeps an exponential average of the weights, which validates and becomes the bundle.

    The first steps decay faster, ``(1 + step) / (10 + step)``, so that the start is soon forgotten. The
    average is in Lightning's checkpoint: a resumed training has it to the bit.

    Args:
        decay: What is kept of the average in each step.
    """

    def __init__(self, *, decay: Amount) -> None:
        self.decay = decay
        self.steps = 0
        self.weights: dict[str, Tensor] = {}
        self._optimizer_steps = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start from the weights of the network, or continue."""
        self._optimizer_steps = trainer.global_step
        for name, value in self._net(pl_module).state_dict().items():
            known = self.weights.get(name)
            self.weights[name] = value.detach().clone() if known is None else known.to(value.device)

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Follow the weights after each step of the optimiser."""
        if trainer.global_step == self._optimizer_steps:  # gradients accumulate
            return
        self._optimizer_steps = trainer.global_step
        self.steps += 1
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in self._net(pl_module).state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, share)
            else:
                self.weights[name].copy_(value)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validate the average."""
        self._exchange(pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on with the weights that train."""
        self._exchange(pl_module)

    def load_average(self, pl_module: pl.LightningModule) -> None:
        """Put the average into the network."""
        self._net(pl_module).load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """The average, and over how many steps it goes."""
        return {"steps": self.steps, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from an earlier start."""
        self.steps = state_dict["steps"]
        self.weights = dict(state_dict["weights"])

    @torch.no_grad()
    def _exchange(self, pl_module: pl.LightningModule) -> None:
        for name, value in self._net(pl_module).state_dict().items():
            held = value.clone()
            value.copy_(self.weights[name])
            self.weights[name].copy_(held)

    @staticmethod
    def _net(pl_module: pl.LightningModule) -> nn.Module:
        net = pl_module.net
        assert isinstance(net, nn.Module)
        return net
