"""The LightningModule: one step of training, one case of validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from brats_seg.losses import DeepSupervisionLoss, DiceLoss
from brats_seg.metrics.regions import RegionDice
from brats_seg.models import UNet
from brats_seg.terms import REGIONS, Batch


class SegmentationModule(pl.LightningModule):
    """Deeply supervised training of a U-Net on nested regions (section 2.2).

    Args:
        net: The network.
        dice: Loss of one head; the training loss is its sum over the five heads.
        optimizer: Takes the parameters, gives the optimiser.
        channels_last: Keep weights and images in ``channels_last_3d``.
    """

    def __init__(
        self, net: UNet, dice: DiceLoss, optimizer: Callable[[Iterable[nn.Parameter]], Optimizer], *, channels_last: bool
    ) -> None:
        super().__init__()
        self.layout = torch.channels_last_3d if channels_last else torch.contiguous_format
        self.net: UNet = net.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.dice = dice
        self.loss = DeepSupervisionLoss(dice)
        self.make_optimizer = optimizer
        self.validation_dice = RegionDice()

    def configure_optimizers(self) -> Optimizer:
        """The optimiser; a callback sets its rate each epoch."""
        return self.make_optimizer(self.net.parameters())

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one augmented batch: main head plus four auxiliary heads, unweighted."""
        parts = self.loss.parts(self.net(batch.image.contiguous(memory_format=self.layout)), batch.target)
        loss = torch.stack(list(parts.values())).sum()
        logged = {"train/loss": loss.detach(), **{f"train/loss_{name}": part.detach() for name, part in parts.items()}}
        self.log_dict(logged, on_step=False, on_epoch=True, batch_size=len(batch.case_ids))
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Main-head loss and Dice per region of one whole brain."""
        logits = self.net(batch.image.contiguous(memory_format=self.layout), deep=False).main
        self.validation_dice.update(logits > 0, batch.target > 0.5)
        self.log("val/loss", self.dice(logits, batch.target), on_step=False, on_epoch=True, batch_size=1, sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Mean Dice over cases, per region and over the three regions."""
        dice = self.validation_dice.compute()
        self.validation_dice.reset()
        rows = {f"val/dice_{region}": value for region, value in zip(REGIONS, dice, strict=True)}
        self.log_dict({**rows, "val/dice": dice.mean()}, rank_zero_only=False)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Weights and plain values only: hyper-parameters are in the run folder's own configuration."""
        checkpoint.pop("hyper_parameters", None)
