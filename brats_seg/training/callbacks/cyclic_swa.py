"""Which epochs follow the schedule, and which of their weights join the average?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import nn
from torch.optim import Optimizer

from brats_seg.errors import UserError, WrongValue
from brats_seg.schedules import cyclic_swa, swa_snapshot_epochs
from brats_seg.training.weights import Facts, mean_weights, write_weights


class CyclicSWA(pl.Callback):
    """Cycles after the schedule, each a fresh optimiser whose rate decays, with snapshots to average (section 2.5).

    Rate, snapshot epochs and the start of a cycle follow from the epoch alone. The optimiser's state within a cycle is in
    Lightning's checkpoint; a snapshot of an epoch that is done again is written again.

    Args:
        base_rate: Of the schedule before.
        rate_factor: Times that is the rate at the start of each cycle.
        cycles: How many; with 0 the callback does nothing.
        cycle_epochs: Length of a cycle.
        cosine_epochs: Over which the rate of a cycle would reach zero.
        snapshot_every: Epochs between snapshots, counted within each cycle.
        count_base: Also average the weights that the first cycle starts from.
        optimizer: Takes the parameters, gives the optimiser of a cycle.
        first_epoch: Of the first cycle.
        folder: For the snapshots.
        facts: What each snapshot says of itself.

    Raises:
        UserError: No snapshot would ever be taken.
    """

    def __init__(
        self,
        *,
        base_rate: float,
        rate_factor: float,
        cycles: int,
        cycle_epochs: int,
        cosine_epochs: int,
        snapshot_every: int,
        count_base: bool,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        first_epoch: int,
        folder: Path,
        facts: Facts,
    ) -> None:
        if cycles and not 1 <= snapshot_every <= cycle_epochs:
            raise WrongValue(
                f"swa.snapshot_every={snapshot_every} must lie between 1 and swa.cycle_epochs={cycle_epochs}"
            )
        self.base_rate, self.cycle_epochs, self.cosine_epochs = (
            base_rate * rate_factor,
            cycle_epochs,
            cosine_epochs,
        )
        self.first_epoch, self.cycles = first_epoch, cycles
        epochs = (
            swa_snapshot_epochs(first_epoch, cycles, cycle_epochs, snapshot_every, count_base=count_base)
            if cycles
            else []
        )
        self.snapshots = {epoch: folder / f"epoch_{epoch:04d}.safetensors" for epoch in epochs}
        self.optimizer, self.facts = optimizer, facts

    def rate(self, epoch: int) -> float:
        """Of an epoch in a cycle."""
        return cyclic_swa(epoch, self.base_rate, self.first_epoch, self.cycle_epochs, self.cosine_epochs)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Refuse running statistics: a mean of weights has others.

        Raises:
            UserError: The network has a norm that keeps them.
        """
        if self.cycles and any(
            getattr(module, "running_mean", None) is not None for module in pl_module.modules()
        ):
            raise UserError(
                "weight averaging needs a norm without running statistics: use model.norm=group or instance"
            )

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Inside a cycle the optimiser that Lightning restores is that of the cycle."""
        if self.cycles and checkpoint["epoch"] >= self.first_epoch:
            pl_module.make_optimizer = self.optimizer  # type: ignore[assignment]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Drop snapshots of epochs that are done again, and miss none of those before.

        Raises:
            UserError: An earlier snapshot is gone.
        """
        for epoch, path in self.snapshots.items():
            if epoch >= trainer.current_epoch:
                if trainer.is_global_zero:
                    path.unlink(missing_ok=True)
            elif not path.exists():
                raise UserError(
                    f"{path} is missing: put it back, or delete {path.parent.parent} to start again"
                )

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start a cycle with a fresh optimiser; set the rate."""
        since = trainer.current_epoch - self.first_epoch
        if not self.cycles or since < 0:
            return
        if since % self.cycle_epochs == 0:
            pl_module.make_optimizer = self.optimizer  # type: ignore[assignment]
            trainer.optimizers = [pl_module.configure_optimizers()]  # type: ignore[list-item]
        rate = self.rate(trainer.current_epoch)
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = rate
        pl_module.log("lr", rate)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the snapshot, before the checkpoint that counts on it."""
        if trainer.is_global_zero and (path := self.snapshots.get(trainer.current_epoch)):
            write_weights(path, self._net(pl_module), {**self.facts, "epoch": trainer.current_epoch})

    def load_average(self, pl_module: pl.LightningModule) -> None:
        """Put the mean of the snapshot files into the network.

        Raises:
            UserError: A snapshot cannot be read.
        """
        self._net(pl_module).load_state_dict(mean_weights(list(self.snapshots.values())))

    @staticmethod
    def _net(pl_module: pl.LightningModule) -> nn.Module:
        net = pl_module.net
        assert isinstance(net, nn.Module)
        return net
