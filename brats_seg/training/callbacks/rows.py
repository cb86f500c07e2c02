"""Tables of one row per event in an epoch, as CSV files that survive a restart."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brats_seg.files import write_text


def rows_before(path: Path, epoch: int) -> list[dict[str, Any]]:
    """The rows of earlier epochs; those of epochs that are done again are dropped. Empty where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if int(row["epoch"]) < epoch]


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the file whole; its columns are those of all rows."""
    columns = dict.fromkeys(key for row in rows for key in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
