"""TensorBoard: event files in the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from brats_seg.pictures import pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TensorBoardTracker(TensorBoardLogger):
    """Event files in ``tensorboard/`` of the run folder.

    Args:
        folder: Run folder.
        group: Not shown: the path says it.
        name: Likewise.
    """

    def __init__(self, *, folder: Path, group: str, name: str) -> None:
        super().__init__(folder, name="tensorboard", version="", default_hp_metric=False)

    @rank_zero_only
    def log_figure(self, key: str, figure: Figure, step: int) -> None:
        """Record a picture."""
        self.experiment.add_image(key, pixels(figure), step, dataformats="HWC")

    def log_bundle(self, bundle: Path) -> None:
        """TensorBoard keeps no files."""

    @rank_zero_only
    def close(self, *, failed: bool) -> None:
        """Write what is left."""
        self.finalize("failed" if failed else "success")
