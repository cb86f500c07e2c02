"""The tables that a training writes, read again. Covered by tests/artifacts/test_run_folder.py."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from brats_seg.errors import FileError, UserError, plain_id
from brats_seg.files import read_text

MAX_TABLE_BYTES = 1_000_000_000
"""The largest table that is read: the losses of a thousand epochs of a thousand cases take 5 % of it."""
LARGEST_LOSS = 1e30
"""Sums of squares of a larger loss leave even float64 behind."""


def read_metrics(path: Path) -> dict[str, list[tuple[float, float]]]:
    """The values of each epoch.

    Args:
        path: Of the table.

    Returns:
        Column to ``(epoch, value)``, without the epochs that have no value; a run that diverged has NaN.

    Raises:
        UserError: There is no such file, or it is no table of numbers per epoch.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    try:
        for row in _rows(path):
            epoch = _epoch(row)
            for name, value in row.items():
                points = found.setdefault(name, [])
                if value:
                    points.append((epoch, float(value)))
    except FileError as error:
        raise FileError(path.parent, f"a run folder with {path.name}", error.found) from error
    except (KeyError, TypeError, ValueError, OverflowError, csv.Error) as error:
        raise UserError(f"{path}: expected numbers per epoch ({error})") from error
    return found


def read_case_losses(path: Path) -> dict[int, dict[str, float]]:
    """The losses of each case.

    Args:
        path: Of the table.

    Returns:
        Epoch to case id to loss; NaN for one that is not finite, as of a step that was skipped.

    Raises:
        UserError: It is another file, or empty.
    """
    found: dict[int, dict[str, float]] = {}
    try:
        for row in _rows(path):
            losses = found.setdefault(_epoch(row), {})
            loss = float(row["loss"])
            losses[plain_id(row["case"])] = loss if abs(loss) <= LARGEST_LOSS else math.nan
    except (KeyError, TypeError, ValueError, OverflowError, csv.Error) as error:
        raise UserError(f"{path}: expected columns epoch, case, loss ({error})") from error
    if not found:
        raise UserError(f"{path}: no epoch has finished yet")
    return found


def rows_before(path: Path, epoch: int) -> list[dict[str, str]]:
    """The rows of earlier epochs in a table.

    Args:
        path: Of the CSV file, which need not exist.
        epoch: The epoch that starts now; its rows and later ones are left out.

    Returns:
        A dictionary per row, with text as values.

    Raises:
        UserError: It is no table of epochs.
    """
    if not path.exists():
        return []
    try:
        return [row for row in _rows(path) if _epoch(row) < epoch]
    except (KeyError, TypeError, ValueError, OverflowError, csv.Error) as error:
        fix = "restore it, or delete it to go on without the earlier epochs"
        raise UserError(f"{path}: expected a row per epoch ({error}); {fix}") from error


def _rows(path: Path) -> Iterator[dict[str, str]]:
    lines = read_text(path, MAX_TABLE_BYTES).splitlines()
    for row in csv.DictReader(lines, restval=""):
        if None in row:
            raise ValueError("a row with more fields than columns")
        yield row


def _epoch(row: dict[str, str]) -> int:
    return int(float(row["epoch"]))
