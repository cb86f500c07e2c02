"""TensorBoard: event files in the run folder.

Covered by tests/training/trackers/test_trackers.py.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from brats_seg.artifacts.training_keys import changes_scores, flat_keys
from brats_seg.figures import pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = (int, float, str, bool)
COMPARED = ("val/dice", "val/loss", "out_of_fold/dice_ET", "out_of_fold/dice_TC", "out_of_fold/dice_WT")
"""What the tab of hyperparameters shows beside them."""
LAYOUT = {
    "1 How well": {
        "1 Dice": ["Multiline", ["val/dice.*"]],
        "2 loss": ["Multiline", ["(train|val)/loss$"]],
        "3 out of fold": ["Multiline", ["out_of_fold/dice_.*"]],
    },
    "2 How": {
        "1 rate": ["Multiline", ["lr"]],
        "2 gradient": ["Multiline", ["train/grad_norm"]],
        "3 skipped steps": ["Multiline", ["train/skipped_steps"]],
    },
    "3 What it takes": {
        "1 patches per second": ["Multiline", ["resources/patches_per_second"]],
        "2 waiting for data": ["Multiline", ["resources/data_wait_share"]],
    },
}
"""Charts of the tab "Custom scalars"; TensorBoard sorts by name."""


class TensorBoardTracker(TensorBoardLogger):
    """Event files in ``tensorboard/`` of the run folder.

    Args:
        folder: Run folder.
        group: Not used: TensorBoard shows the path of the folder.
        name: Not used, for the same reason.
    """

    def __init__(self, *, folder: Path, group: str, name: str) -> None:
        super().__init__(folder, name="tensorboard", version="", default_hp_metric=False)
        self.has_begun, self.last_step = False, 0

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *more: Any, **others: Any) -> None:
        """Record the settings that scores depend on for the tab of hyperparameters, and the order of charts.

        Single values only; the tab sorts them by name.

        Args:
            params: The configuration.
            *more: Not used.
            **others: Not used.
        """
        from torch.utils.tensorboard.summary import hparams

        plain = {
            key: value
            for key, value in flat_keys(params).items()
            if isinstance(value, KINDS) and changes_scores(key)
        }
        self.has_begun = True
        for part in hparams(plain, dict.fromkeys(COMPARED, 0.0)):  # type: ignore[no-untyped-call]
            self.experiment.file_writer.add_summary(part)
        self.experiment.add_custom_scalars(LAYOUT)

    @rank_zero_only
    def log_scores(self, scores: dict[str, float]) -> None:
        """Record numbers at the last step."""
        self.log_metrics(scores, self.last_step)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers.

        Args:
            metrics: By their names.
            step: Optimiser steps so far.
        """
        self.has_begun, self.last_step = True, step or 0
        super().log_metrics(dict(metrics), step)

    @rank_zero_only
    def log_figure(self, key: str, figure: Figure, step: int) -> None:
        """Record a picture.

        Args:
            key: Its name.
            figure: Of matplotlib.
            step: Optimiser steps so far.
        """
        self.experiment.add_image(key, pixels(figure), step, dataformats="HWC")

    def log_table(self, key: str, columns: Sequence[str], data: Sequence[Sequence[Any]]) -> None:
        """Do nothing: TensorBoard keeps no tables.

        Args:
            key: Not used.
            columns: Not used.
            data: Not used.
        """

    def log_bundle(self, bundle: Path) -> None:
        """Do nothing: TensorBoard keeps no files."""

    @rank_zero_only
    def close(self, *, failed: bool) -> None:
        """Write what is left."""
        if self.has_begun:
            self.finalize("failed" if failed else "success")
