"""The LightningModule: one step of training, one case of validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric

from brats_seg.artifacts.run_folder import VALIDATION_DICE, VALIDATION_LOSS
from brats_seg.errors import UserError
from brats_seg.losses import DeepSupervisionLoss
from brats_seg.metrics.regions import RegionDice
from brats_seg.models import Network
from brats_seg.terms import REGIONS, Batch
from brats_seg.training.init_bundle import parameter_groups
from brats_seg.training.skipped_steps import PATIENCE, SCALER_PATIENCE, NotFinite, SkippedSteps
from brats_seg.training.whole_brain import WholeBrain


class SegmentationModule(pl.LightningModule):
    """Deeply supervised training of a U-Net on nested regions (section 2.2).

    Args:
        net: The network.
        dice: Loss of one head; the training loss is its sum over the five heads.
        optimizer: Takes the parameters, gives the optimiser.
        channels_last: Keep weights and images in ``channels_last_3d``.
        old_rate: Of a fine-tuning: times that is the rate of every weight but those of the heads.
    """

    def __init__(
        self,
        net: Network,
        dice: nn.Module,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        *,
        channels_last: bool,
        old_rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.layout = torch.channels_last_3d if channels_last else torch.contiguous_format
        self.net: Network = net.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.dice = dice
        self.loss = DeepSupervisionLoss(dice)
        self.make_optimizer = optimizer
        self.old_rate = old_rate
        self.validation_dice = RegionDice()
        self.validation_loss = MeanMetric().set_dtype(torch.float64)
        self.skipped = SkippedSteps()
        self.whole_brain = WholeBrain()
        self.arrived = 0.0
        """When the loader handed over the last batch, in seconds of the performance counter."""

    def configure_optimizers(self) -> Optimizer:
        """The optimiser; a callback sets its rate each epoch."""
        return self.make_optimizer(parameter_groups(self.net, self.old_rate))

    def on_train_start(self) -> None:
        """Count skipped steps on the device of the network."""
        self.skipped.start(self.device)

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Note when the batch arrived, before transfer and augmentation."""
        self.arrived = time.perf_counter()
        return batch

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """Compute the loss of one augmented batch: main head plus four auxiliary heads, unweighted.

        Args:
            batch: Image ``(batch, modality, z, y, x)`` and target ``(batch, region, z, y, x)``, 0 or 1.
            batch_index: Within the epoch.

        Returns:
            The loss, and under ``case_losses`` the main head's loss of each case.
        """
        logits = self.net(batch.image.contiguous(memory_format=self.layout))
        parts = self.loss.parts(logits, batch.target)
        loss = torch.stack(list(parts.values())).sum()
        finite = self.skipped.note_loss(loss)
        logged = {"train/loss": loss.detach().nan_to_num()}
        for name, part in parts.items():
            logged[f"train/loss_{name}"] = part.detach().nan_to_num()
        # A step that is skipped has no weight in the epoch's mean.
        weight = len(batch.case_ids) * finite.long()
        self.log_dict(logged, on_step=False, on_epoch=True, batch_size=cast(int, weight), sync_dist=True)
        if len(batch.case_ids) == 1:  # the batch's loss is the case's
            return {"loss": loss, "case_losses": parts["main"].detach()[None]}
        with torch.no_grad():
            case_losses = self.loss.case_losses(logits.main, batch.target)
        return {"loss": loss, "case_losses": case_losses.detach()}

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Log the gradient's norm before clipping; see that a step that is not finite changes nothing.

        With a loss scaler an infinite gradient does not count as skipped: so the scaler finds its scale.

        Raises:
            NotFinite: To :meth:`optimizer_step`, on every process alike.
        """
        gradients = [p.grad for p in self.net.parameters() if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        infinite = ~norm.isfinite()
        spoilt = self.trainer.strategy.reduce(self.skipped.take_spoilt(), reduce_op="sum") > 0
        skipped = spoilt if self._scaler is not None else spoilt | infinite
        weight = cast(int, (~infinite).long())
        self.log("train/skipped_steps", skipped.float(), on_step=False, on_epoch=True, reduce_fx="sum")
        self.log("train/grad_norm", norm.nan_to_num(), on_step=False, on_epoch=True, batch_size=weight)
        self.skipped.count(skipped, infinite)
        self.skipped.hold(optimizer, spoilt | infinite)

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """Take one step, or none where it would spoil the weights.

        Raises:
            UserError: Ten steps in a row were skipped, or no loss scale makes the gradient finite.
        """
        try:
            super().optimizer_step(*arguments, **options)
        except NotFinite:
            if self._scaler is not None:
                self._scaler.update()  # required once the gradients were unscaled
        self.skipped.undo()
        skipped, infinite = self.skipped.counts()
        if skipped >= PATIENCE or infinite >= SCALER_PATIENCE:
            raise UserError(
                f"{max(skipped, infinite)} steps in a row had no finite loss or gradient, the last in epoch "
                f"{self.current_epoch + 1}: stopped; {self.trainer.default_root_dir} keeps the checkpoint of "
                "an epoch before. Start another training with a lower learning rate, "
                "trainer.gradient_clip_val=1 or trainer.precision=32-true"
            )

    @property
    def _scaler(self) -> torch.amp.GradScaler | None:
        precision = self.trainer.precision_plugin
        return precision.scaler if isinstance(precision, MixedPrecision) else None

    def validation_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Update main-head loss and Dice per region with one whole brain.

        Args:
            batch: As for :meth:`training_step`, of one case.
            batch_index: Within the epoch.

        Returns:
            The predicted regions, ``(1, region, z, y, x)`` bool.
        """
        logits = self.whole_brain(self.net, batch.image.contiguous(memory_format=self.layout))
        prediction = logits > 0
        self.validation_dice.update(prediction, batch.target > 0.5)
        self.validation_loss.update(self.dice(logits, batch.target))
        return prediction

    def on_validation_epoch_end(self) -> None:
        """Log means over the cases of every process: loss, Dice per region and over the three regions."""
        dice = self.validation_dice.compute()
        loss = self.validation_loss.compute()
        self.validation_dice.reset()
        self.validation_loss.reset()
        logged = {VALIDATION_LOSS: loss.float()}
        for region, value in zip(REGIONS, dice, strict=True):
            logged[f"val/dice_{region}"] = value
        logged[VALIDATION_DICE] = dice.mean()
        self.log_dict(logged)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save weights and plain values only: hyper-parameters are in the run folder's own configuration."""
        checkpoint.pop("hyper_parameters", None)
        checkpoint["in_a_row"] = self.skipped.in_a_row.tolist()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue to count skipped steps."""
        self.skipped.in_a_row = torch.tensor(checkpoint["in_a_row"])
