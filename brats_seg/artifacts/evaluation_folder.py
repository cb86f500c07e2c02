"""An evaluation folder: scores per case, tables of their means, and the convention that they follow."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import brats_seg
from brats_seg.errors import UserError, plain_id
from brats_seg.files import (
    Ours,
    is_picture,
    read_object,
    read_text,
    refuse_foreign,
    remove,
    says,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = 1
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


@dataclass(frozen=True)
class EvaluationFolder:
    """``per_case.csv``, ``summary.csv``, ``summary.md`` and ``evaluation.json``, which is written last.

    Attributes:
        path: Of the folder.
    """

    path: Path

    @property
    def per_case(self) -> Path:
        """Case, region, metric, value."""
        return self.path / "per_case.csv"

    @property
    def summary_csv(self) -> Path:
        """Means and other statistics per metric and region."""
        return self.path / "summary.csv"

    @property
    def summary_md(self) -> Path:
        """The table of means, to be read."""
        return self.path / "summary.md"

    @property
    def calibration_csv(self) -> Path:
        """The bins of the reliability diagram."""
        return self.path / "calibration.csv"

    @property
    def calibration_png(self) -> Path:
        """The reliability diagram."""
        return self.path / "calibration.png"

    @property
    def whole(self) -> bool:
        """Whether everything of one evaluation is there."""
        return self._record.is_file() and self.summary_md.is_file()

    @property
    def _record(self) -> Path:
        return self.path / "evaluation.json"

    def refuse_foreign(self, summary: type[DataclassInstance], *, overwrite: bool) -> None:
        """Refuse to replace files that are no tables of this program.

        Args:
            summary: Of a metric and region.
            overwrite: Replace them all the same.

        Raises:
            UserError: There is such a file.
        """
        outputs = {
            self.per_case: is_table_of(Row),
            self.summary_csv: is_table_of(summary),
            self.summary_md: says("| Metric (mean) |"),
            self._record: says('"schema"', '"convention"'),
            self.calibration_csv: says("region,from,to,voxels,"),
            self.calibration_png: is_picture,
        }
        refuse_foreign(outputs, overwrite=overwrite)

    @contextlib.contextmanager
    def written(self, convention: str) -> Iterator[None]:
        """Inside, the files are replaced; ``evaluation.json`` goes first, comes last, so tells of no other.

        Args:
            convention: Name of the scoring convention.

        Raises:
            UserError: The folder cannot be written.
        """
        for file in (self._record, self.calibration_csv, self.calibration_png):
            remove(file)
        yield
        write_json(
            self._record, {"schema": SCHEMA, "convention": convention, "brats_seg": brats_seg.__version__}
        )

    def write_tables(
        self, rows: Sequence[Row], summaries: Sequence[DataclassInstance], markdown: str
    ) -> None:
        """Replace the tables, within :meth:`written`.

        Args:
            rows: Of every case.
            summaries: Of every metric and region.
            markdown: The table to be read.

        Raises:
            UserError: The folder cannot be written.
        """
        write_text(self.per_case, to_csv(rows))
        write_text(self.summary_csv, to_csv(summaries))
        write_text(self.summary_md, markdown)

    def read_rows(self) -> list[Row]:
        """The scores per case.

        Raises:
            UserError: It is no evaluation folder, or its table is damaged or empty.
        """
        try:
            rows = _from_csv(read_text(self.per_case))
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            columns = "columns case, region, metric, value, as brats-seg evaluate writes them"
            raise UserError(f"{self.per_case}: expected {columns} ({error})") from error
        if not rows:
            raise UserError(f"{self.per_case}: expected a line per case, region and metric, found none")
        return rows

    def read_convention(self, given: str | None) -> str:
        """Name of the scoring convention that the scores follow.

        Args:
            given: The convention that the user gave; None where there is none.

        Returns:
            The recorded one, or the given one where none is recorded.

        Raises:
            UserError: The folder records another one than was given, or there is neither.
        """
        recorded = read_object(self._record).get("convention")
        if recorded is None and given is None:
            expected = "the convention of the scores"
            raise UserError(
                f"{self._record}: expected {expected}, found none; evaluate again or give convention=NAME"
            )
        if recorded and given and recorded != given:
            raise UserError(f"{self.path}: expected scores of {given}, found those of {recorded}")
        return str(recorded or given)


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
    """The scores as :meth:`EvaluationFolder.read_rows` would read them back: to eight digits.

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


def _from_csv(text: str) -> list[Row]:
    rows: list[Row] = []
    for number, cells in enumerate(csv.DictReader(io.StringIO(text)), 2):
        if None in cells or None in cells.values():
            raise ValueError(f"line {number} has another number of cells than the first")
        value = float(cells["value"]) if cells["value"] else None
        if value is not None and not abs(value) <= LARGEST_SCORE:
            raise ValueError(f"the {cells['metric']} of {cells['case']} is {value}")
        rows.append(Row(plain_id(cells["case"]), cells["region"], cells["metric"], value))
    return rows
