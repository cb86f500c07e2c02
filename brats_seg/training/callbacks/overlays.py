"""What does the network see in the same cases, as it learns?

Covered by tests/training/trackers/test_trackers.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
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
        every_epochs: Interval in epochs; the first validation at or after each multiple draws. 0 disables.
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
        """Draw a case and hand the picture to the trackers, if pictures of this epoch are due.

        Args:
            trainer: Knows the epoch and the trackers.
            pl_module: Not used.
            outputs: Predicted regions of the batch, from ``validation_step``.
            batch: One case.
            batch_idx: Number of the case in this validation.
            dataloader_idx: Not used.
        """
        trackers = [logger for logger in trainer.loggers if isinstance(logger, Tracker)]
        if not trackers or not trainer.is_global_zero or batch_idx >= self.cases or not self._due(trainer):
            return
        case_id = batch.case_ids[0]
        title = f"{case_id}, epoch {trainer.current_epoch}"
        figure = draw_case(batch.image[0], batch.target[0], outputs[0], title)
        for tracker in trackers:
            tracker.log_figure(f"overlay/{case_id}", figure, trainer.global_step)

    def _due(self, trainer: pl.Trainer) -> bool:
        if not self.every_epochs:
            return False
        epochs_between_validations = int(trainer.check_val_every_n_epoch or 1)
        return trainer.current_epoch % self.every_epochs < epochs_between_validations


def draw_case(image: Tensor, truth: Tensor, prediction: Tensor, title: str) -> Figure:
    """Draw an overview of one case.

    Args:
        image: ``(modality, z, y, x)``, on any device.
        truth: ``(region, z, y, x)``, 0 or 1.
        prediction: As ``truth``.
        title: Above the picture.

    Returns:
        The figure.
    """
    from brats_seg.pictures import overview  # matplotlib takes a second

    return overview(image.float().cpu().numpy(), _label_map(truth), _label_map(prediction), DRAWN_AS, title)


def _label_map(regions: Tensor) -> NDArray[np.uint8]:
    return decode_regions(regions.cpu().numpy().astype(np.bool_), DRAWN_AS)
