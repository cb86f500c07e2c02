"""Scores per case: a row each, written as CSV and read back, and looked up.

Covered by tests/artifacts/test_evaluation_folder.py.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

from brats_seg.errors import plain_id
from brats_seg.files import Ours, says

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LARGEST_SCORE = 1e30
"""Sums of squares of a larger one leave even float64 behind."""
ByMetric = dict[str, dict[str, dict[str, float | None]]]
"""Metric to region to case id to value."""


@dataclass(frozen=True)
class Row:
    """One score; ``value`` is None where it is undefined (no NaN ever)."""

    case: str
    region: str
    metric: str
    value: float | None


def is_table_of(kind: type[DataclassInstance]) -> Ours:
    """A file is ours if it begins as :func:`to_csv` begins for records of this kind.

    Fields with a default came later: files of before lack them.
    """
    return says(",".join(field.name for field in fields(kind) if field.default is MISSING))


def to_csv(records: Sequence[DataclassInstance]) -> str:
    """Records as CSV text, numbers to eight digits, an empty field where a value is undefined."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(asdict(records[0])), lineterminator="\n")
    writer.writeheader()
    for record in records:
        cells = asdict(record)
        for name, value in cells.items():
            if isinstance(value, float):
                cells[name] = _to_text(value)
        writer.writerow(cells)
    return text.getvalue()


def as_written(rows: Sequence[Row]) -> list[Row]:
    """The scores as :func:`from_csv` would read them back: to eight digits.

    Scores that differ by rounding alone are equal in the table, and so they are in whatever is made of these.
    """
    return [row if row.value is None else replace(row, value=float(_to_text(row.value))) for row in rows]


def by_metric(rows: Sequence[Row]) -> ByMetric:
    """Scores to be looked up.

    >>> by_metric([Row("x", "ET", "dice", 0.5), Row("y", "ET", "dice", None)])
    {'dice': {'ET': {'x': 0.5, 'y': None}}}
    """
    found: ByMetric = {}
    for row in rows:
        regions = found.setdefault(row.metric, {})
        regions.setdefault(row.region, {})[row.case] = row.value
    return found


def defined_values(rows: Sequence[Row], metric: str, region: str) -> dict[str, float]:
    """The values of one metric and region where they are defined.

    Args:
        rows: Scores of any metrics and regions.
        metric: Name of a metric.
        region: Name of a region.

    Returns:
        Case id to value, in the order of the rows.
    """
    found: dict[str, float] = {}
    for row in rows:
        if (row.metric, row.region) == (metric, region) and row.value is not None:
            found[row.case] = row.value
    return found


def _to_text(value: float) -> str:
    return f"{value:.8g}"


def from_csv(text: str) -> list[Row]:
    """Scores as :func:`to_csv` writes them.

    Raises:
        KeyError: A column is missing.
        ValueError: A line is damaged, or scores what one before it scores.
        csv.Error: It is no CSV.
    """
    rows: list[Row] = []
    seen: dict[tuple[str, str, str], int] = {}
    for number, cells in enumerate(csv.DictReader(io.StringIO(text)), 2):
        if None in cells or None in cells.values():
            raise ValueError(f"line {number} has another number of cells than the first")
        value = float(cells["value"]) if cells["value"] else None
        if value is not None and not abs(value) <= LARGEST_SCORE:
            raise ValueError(f"the {cells['metric']} of {cells['case']} is {value}")
        row = Row(plain_id(cells["case"]), cells["region"], cells["metric"], value)
        first = seen.setdefault((row.case, row.region, row.metric), number)
        if first != number:
            raise ValueError(
                f"line {number} is the {row.metric} of {row.region} of {row.case}, as line {first}"
            )
        rows.append(row)
    return rows
