"""Training curves out of run folders. Covered by tests/report/test_training_curves.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brats_seg.artifacts.run_folder import VALIDATION_DICE, VALIDATION_LOSS, RunFolder
from brats_seg.report.charts import Points, line_chart

DICE_OF_REGION = f"{VALIDATION_DICE}_"
NAMES = {
    "train/loss": "training, all outputs",
    "train/loss_main": "training, final output",
    VALIDATION_LOSS: "validation",
    VALIDATION_DICE: "mean",
    "lr": "learning rate",
}
"""Column of ``metrics.csv`` to its name in the charts; regions keep their names."""


@dataclass(frozen=True)
class Chart:
    """One chart of a training.

    Attributes:
        title: Above it.
        columns: Columns of ``metrics.csv`` that it shows; one that ends with ``_`` stands for all that begin
            so.
        logarithmic: In powers of ten.
    """

    title: str
    columns: tuple[str, ...]
    logarithmic: bool = False

    def shows(self, column: str) -> bool:
        """Whether a column belongs to it."""
        return any(
            column == each or (each.endswith("_") and column.startswith(each)) for each in self.columns
        )


CHARTS = (
    Chart("Loss", ("train/loss", "train/loss_main", VALIDATION_LOSS)),
    Chart("Validation Dice", (VALIDATION_DICE, DICE_OF_REGION)),
    Chart("Learning rate", ("lr",), logarithmic=True),
)


def draw_curves(run: Path) -> list[dict[str, str]]:
    """The charts of one run folder: title and SVG, those that it has numbers for.

    Raises:
        UserError: It is no run folder, or its ``metrics.csv`` is damaged.
    """
    columns = RunFolder(run).read_metrics()
    found = []
    for chart in CHARTS:
        lines: dict[str, Points] = {}
        for column, points in columns.items():
            if points and chart.shows(column):
                lines[_name(column)] = points
        if lines:
            label = f"{chart.title} of {run.parent.name}, {run.name}, over epochs"
            svg = line_chart(lines, label=label, logarithmic=chart.logarithmic)
            found.append({"title": chart.title, "svg": svg})
    return found


def _name(column: str) -> str:
    return NAMES.get(column, column.removeprefix(DICE_OF_REGION))
