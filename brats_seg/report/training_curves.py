"""Training curves out of run folders."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.errors import UserError
from brats_seg.report.charts import line_chart

CHARTS: tuple[tuple[str, Callable[[str], bool], bool], ...] = (
    ("Loss", lambda name: name.split("/")[-1] in ("loss", "loss_main"), False),
    ("Validation Dice", lambda name: name.startswith("val/") and "dice" in name.lower(), False),
    ("Learning rate", lambda name: name == "lr", True),
)
"""Title, which columns of ``metrics.csv`` it shows, whether in powers of ten."""
NAMES = {
    "train/loss": "training, all outputs",
    "train/loss_main": "training, final output",
    "val/loss": "validation",
    "val/dice": "mean",
    "lr": "learning rate",
}
"""What a reader calls a column; regions keep their names."""


def curves(run: Path) -> list[dict[str, str]]:
    """The charts of one run folder: title and SVG, those that it has numbers for.

    Raises:
        UserError: It is no run folder.
    """
    try:
        with RunFolder(run).metrics.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"{run}: expected a run folder with metrics.csv ({error.strerror})") from error
    charts = []
    for title, belongs, logarithmic in CHARTS:
        names = [name for name in rows[0] if belongs(name)] if rows else []
        lines = {
            _said(name): [(float(row["epoch"]), float(row[name])) for row in rows if row[name]]
            for name in names
        }
        lines = {name: points for name, points in lines.items() if points}
        if lines:
            said = f"{title} of {run.parent.name}, {run.name}, over epochs"
            charts.append({"title": title, "svg": line_chart(lines, label=said, logarithmic=logarithmic)})
    return charts


def _said(column: str) -> str:
    return NAMES.get(column, column.removeprefix("val/dice_"))
