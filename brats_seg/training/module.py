"""The LightningModule: one step of training, one case of validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric

from brats_seg.errors import UserError
from brats_seg.losses import DeepSupervisionLoss, DiceLoss
from brats_seg.metrics.regions import RegionDice
from brats_seg.models import UNet
from brats_seg.terms import REGIONS, Batch

PATIENCE = 10
"""So many steps in a row may be skipped before the training stops."""
SCALER_PATIENCE = 40
"""So many steps in a row may a loss scaler look for its scale, half of the one before each time: no net needs 2^16 / 2^40."""


class NotFinite(Exception):
    """This step must not change the weights."""


class SegmentationModule(pl.LightningModule):
    """Deeply supervised training of a U-Net on nested regions (section 2.2).

    Args:
        net: The network.
        dice: Loss of one head; the training loss is its sum over the five heads.
        optimizer: Takes the parameters, gives the optimiser.
        channels_last: Keep weights and images in ``channels_last_3d``.
    """

    def __init__(
        self,
        net: UNet,
        dice: DiceLoss,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        *,
        channels_last: bool,
    ) -> None:
        super().__init__()
        self.layout = torch.channels_last_3d if channels_last else torch.contiguous_format
        self.net: UNet = net.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.dice = dice
        self.loss = DeepSupervisionLoss(dice)
        self.make_optimizer = optimizer
        self.validation_dice = RegionDice()
        self.validation_loss = MeanMetric().set_dtype(torch.float64)
        self.skipped_in_a_row = self.infinite_in_a_row = 0
        self.spoilt = False
        """Whether a loss of the step that is being computed was not finite."""
        self.arrived = 0.0
        """When the loader handed over the last batch, by the performance counter."""

    def configure_optimizers(self) -> Optimizer:
        """The optimiser; a callback sets its rate each epoch."""
        return self.make_optimizer(self.net.parameters())

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Note when the loader was done, before transfer and augmentation."""
        self.arrived = time.perf_counter()
        return batch

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """Loss of one augmented batch, main head plus four auxiliary heads, unweighted; and the main head's loss of each case."""
        logits = self.net(batch.image.contiguous(memory_format=self.layout))
        parts = self.loss.parts(logits, batch.target)
        loss = torch.stack(list(parts.values())).sum()
        finite = bool(loss.isfinite())
        self.spoilt |= not finite
        logged = {"train/loss": loss, **{f"train/loss_{name}": part for name, part in parts.items()}}
        # A step that is skipped has no weight in the epoch's mean.
        self.log_dict(
            {key: value.detach().nan_to_num() for key, value in logged.items()},
            on_step=False,
            on_epoch=True,
            batch_size=len(batch.case_ids) * finite,
            sync_dist=True,
        )
        with torch.no_grad():
            alone = len(batch.case_ids) == 1  # then the batch's loss is the case's
            cases = parts["main"][None] if alone else self.dice.case_losses(logits.main, batch.target)
        return {"loss": loss, "case_losses": cases.detach()}

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Log the norm of the gradient before clipping; refuse a step whose loss, or whose unscaled gradient, is not finite.

        Raises:
            NotFinite: To :meth:`optimizer_step`, on every process alike.
        """
        norm = nn.utils.get_total_norm([p.grad for p in self.net.parameters() if p.grad is not None])
        spoilt = bool(
            self.trainer.strategy.reduce(
                torch.tensor(float(self.spoilt), device=self.device), reduce_op="sum"
            )
        )
        self.spoilt = False
        # With loss scaling an infinite gradient is how the scaler finds its scale: it skips the step itself.
        known = bool(norm.isfinite())
        skip = spoilt or (self._scaler is None and not known)
        self.infinite_in_a_row = 0 if known else self.infinite_in_a_row + 1
        self.log("train/skipped_steps", float(skip), on_step=False, on_epoch=True, reduce_fx="sum")
        self.log("train/grad_norm", norm.nan_to_num(), on_step=False, on_epoch=True, batch_size=int(known))
        if skip:
            raise NotFinite
        self.skipped_in_a_row = 0

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """One step, or none where it would spoil the weights.

        Raises:
            UserError: Ten steps in a row were skipped, or no loss scale makes the gradient finite.
        """
        try:
            super().optimizer_step(*arguments, **options)
        except NotFinite:
            if self._scaler is not None:
                self._scaler.update()  # gradients were unscaled: the scaler waits for it
            self.skipped_in_a_row += 1
        if self.skipped_in_a_row >= PATIENCE or self.infinite_in_a_row >= SCALER_PATIENCE:
            count = max(self.skipped_in_a_row, self.infinite_in_a_row)
            raise UserError(
                f"{count} steps in a row had no finite loss or gradient, the last in epoch {self.current_epoch + 1}: stopped; "
                f"{self.trainer.default_root_dir} keeps the checkpoint of the epoch before. Start another with a lower rate, "
                "trainer.gradient_clip_val=1 or trainer.precision=32-true"
            )

    @property
    def _scaler(self) -> torch.amp.GradScaler | None:
        precision = self.trainer.precision_plugin
        return precision.scaler if isinstance(precision, MixedPrecision) else None

    def validation_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Main-head loss and Dice per region of one whole brain; answers with the predicted regions."""
        # Past net.compile(): brains come in every size, and each would be compiled anew.
        logits = self.net.forward(batch.image.contiguous(memory_format=self.layout), deep=False).main
        prediction = logits > 0
        self.validation_dice.update(prediction, batch.target > 0.5)
        self.validation_loss.update(self.dice(logits, batch.target))
        return prediction

    def on_validation_epoch_end(self) -> None:
        """Means over the cases of every process: loss, Dice per region and over the three regions."""
        dice, loss = self.validation_dice.compute(), self.validation_loss.compute()
        self.validation_dice.reset()
        self.validation_loss.reset()
        rows = {f"val/dice_{region}": value for region, value in zip(REGIONS, dice, strict=True)}
        self.log_dict({"val/loss": loss.float(), **rows, "val/dice": dice.mean()})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Weights and plain values only: hyper-parameters are in the run folder's own configuration."""
        checkpoint.pop("hyper_parameters", None)
        checkpoint["in_a_row"] = [self.skipped_in_a_row, self.infinite_in_a_row]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue to count."""
        self.skipped_in_a_row, self.infinite_in_a_row = checkpoint["in_a_row"]
