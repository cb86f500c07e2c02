"""What does the network see in the same cases, as it learns?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
from torch import Tensor

from brats_seg.labels import decode_regions, label_values
from brats_seg.terms import Batch
from brats_seg.training.trackers.tracker import Tracker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN_AS = label_values("brats2020")


class Overlays(pl.Callback):
    """Sends pictures of the first validation cases to the trackers: modalities, truth and prediction.

    Args:
        every_epochs: Distance of the pictures; the first validation at or after each multiple draws. 0: none does.
        cases: How many cases.
    """

    def __init__(self, *, every_epochs: int, cases: int) -> None:
        self.every_epochs, self.cases = every_epochs, cases

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Draw, where it is time and there is somebody to look."""
        trackers = [logger for logger in trainer.loggers if isinstance(logger, Tracker)]
        due = self.every_epochs and trainer.current_epoch % self.every_epochs < int(
            trainer.check_val_every_n_epoch or 1
        )
        if not (trackers and due and trainer.is_global_zero and batch_idx < self.cases):
            return
        case_id = batch.case_ids[0]
        figure = draw(
            batch.image[0], batch.target[0], outputs[0], f"{case_id}, epoch {trainer.current_epoch}"
        )
        for tracker in trackers:
            tracker.log_figure(f"overlay/{case_id}", figure, trainer.global_step)


def draw(image: Tensor, truth: Tensor, prediction: Tensor, title: str) -> Figure:
    """An overview of one case: image ``(modality, z, y, x)``, both others 0/1 ``(region, z, y, x)``, on any device."""
    from brats_seg.pictures import overview  # matplotlib takes a second

    true, predicted = (
        decode_regions(x.cpu().numpy().astype(np.bool_), DRAWN_AS) for x in (truth, prediction)
    )
    return overview(image.float().cpu().numpy(), true, predicted, DRAWN_AS, title)
