"""Which epochs follow the schedule, and which of their weights join the average?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import nn
from torch.optim import Optimizer

from brats_seg.errors import UserError, WrongValue
from brats_seg.kinds import Amount, Count, Positive
from brats_seg.schedules import cyclic_swa, swa_snapshot_epochs
from brats_seg.training.init_bundle import RATE_FACTOR
from brats_seg.training.weights import Facts, mean_weights, write_weights


class CyclicSWA(pl.Callback):
    """Cycles after the schedule: a fresh optimiser whose rate decays, and snapshots to average (section 2.5).

    Rate, snapshot epochs and the start of a cycle follow from the epoch alone. The optimiser's state within
    a cycle is in Lightning's checkpoint; the snapshot of a repeated epoch is written again.

    Args:
        base_rate: That of the optimiser.
        rate_factor: ``base_rate * rate_factor`` is the rate at the start of each cycle.
        cycles: How many cycles; with 0 the callback does nothing.
        cycle_epochs: Length of a cycle.
        cosine_epochs: Epochs after which the rate of a cycle would reach zero.
        snapshot_every: Epochs between snapshots, counted within each cycle.
        count_base: Also average the weights that the first cycle starts from.
        optimizer: Takes the parameters, gives the optimiser of a cycle.
        first_epoch: Of the first cycle.
        folder: For the snapshots.
        facts: Written beside the weights of each snapshot.

    Raises:
        UserError: No snapshot would ever be taken.
    """

    def __init__(  # noqa: PLR0913 (each is a key of conf/swa)
        self,
        *,
        base_rate: Amount,
        rate_factor: Amount,
        cycles: Count,
        cycle_epochs: Positive,
        cosine_epochs: Positive,
        snapshot_every: Positive,
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
        self.base_rate = base_rate * rate_factor
        self.cycles = cycles
        self.cycle_epochs = cycle_epochs
        self.cosine_epochs = cosine_epochs
        self.optimizer = optimizer
        self.first_epoch = first_epoch
        self.facts = facts
        self.snapshots: dict[int, Path] = {}
        if cycles:
            taken = swa_snapshot_epochs(
                first_epoch, cycles, cycle_epochs, snapshot_every, count_base=count_base
            )
            self.snapshots = {epoch: folder / f"epoch_{epoch:04d}.safetensors" for epoch in taken}

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch in a cycle."""
        return cyclic_swa(epoch, self.base_rate, self.first_epoch, self.cycle_epochs, self.cosine_epochs)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Refuse running statistics: those of the snapshots do not fit the mean of their weights.

        Raises:
            UserError: The network has a norm with running statistics.
        """
        if not self.cycles:
            return
        for module in pl_module.modules():
            if getattr(module, "running_mean", None) is not None:
                raise UserError(
                    "weight averaging needs a norm without running statistics: "
                    "use model.norm=group or instance"
                )

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Give Lightning the optimiser of the cycle to restore, where the checkpoint lies inside one."""
        if self.cycles and checkpoint["epoch"] >= self.first_epoch:
            pl_module.make_optimizer = self.optimizer  # type: ignore[assignment]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Drop the snapshots of epochs that are repeated, and require all earlier ones.

        Raises:
            UserError: An earlier snapshot is missing.
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
            group["lr"] = rate * group.get(RATE_FACTOR, 1)
        pl_module.log("lr", rate)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the snapshot of this epoch, before the checkpoint that requires it."""
        path = self.snapshots.get(trainer.current_epoch)
        if path is not None and trainer.is_global_zero:
            facts = {**self.facts, "epoch": trainer.current_epoch}
            write_weights(path, self._net(pl_module), facts)

    def wrote(self, epoch: int) -> bool:
        """Whether this epoch has a snapshot, or ends a cycle."""
        since = epoch + 1 - self.first_epoch
        return epoch in self.snapshots or (self.cycles > 0 and since >= 0 and since % self.cycle_epochs == 0)

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
