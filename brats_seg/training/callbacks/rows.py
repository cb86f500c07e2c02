"""Tables of one row per event in an epoch, as CSV files that survive a restart.

Covered by tests/training/test_module.py and test_resume.py.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brats_seg.artifacts.run_tables import rows_before
from brats_seg.files import write_text

__all__ = ["rows_before", "write_rows"]


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a table whole or not at all.

    Args:
        path: Of the CSV file.
        rows: A dictionary per row; the columns are the keys of all rows, as they first appear.
    """
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
