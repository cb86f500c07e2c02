"""TensorBoard: event files in the run folder.

Covered by tests/training/trackers/test_trackers.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from brats_seg.pictures import pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TensorBoardTracker(TensorBoardLogger):
    """Event files in ``tensorboard/`` of the run folder.

    Args:
        folder: Run folder.
        group: Not used: TensorBoard shows the path of the folder.
        name: Not used, for the same reason.
    """

    def __init__(self, *, folder: Path, group: str, name: str) -> None:
        super().__init__(folder, name="tensorboard", version="", default_hp_metric=False)

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
        self.finalize("failed" if failed else "success")
