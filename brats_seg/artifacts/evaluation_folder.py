"""An evaluation folder: scores per case, tables of their means, and the convention that they follow."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import brats_seg
from brats_seg.errors import UserError
from brats_seg.files import read_bytes, read_object, write_json, write_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = 1


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
    def _record(self) -> Path:
        return self.path / "evaluation.json"

    def write(
        self, rows: Sequence[Row], summaries: Sequence[DataclassInstance], markdown: str, convention: str
    ) -> None:
        """Replace the tables; ``evaluation.json`` goes first and comes last, so that it never speaks of other tables.

        Args:
            rows: Of every case.
            summaries: Of every metric and region.
            markdown: The table to be read.
            convention: Name of the scoring convention.

        Raises:
            UserError: The folder cannot be written.
        """
        self._record.unlink(missing_ok=True)
        write_text(self.per_case, to_csv(rows))
        write_text(self.summary_csv, to_csv(summaries))
        write_text(self.summary_md, markdown)
        write_json(
            self._record, {"schema": SCHEMA, "convention": convention, "brats_seg": brats_seg.__version__}
        )

    def read_rows(self) -> list[Row]:
        """The scores per case.

        Raises:
            UserError: It is no evaluation folder, or its table is damaged or empty.
        """
        try:
            rows = _from_csv(read_bytes(self.per_case).decode("utf-8"))
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            columns = "columns case, region, metric, value, as brats-seg evaluate writes them"
            raise UserError(f"{self.per_case}: expected {columns} ({error})") from error
        if not rows:
            raise UserError(f"{self.per_case}: expected a line per case, region and metric, found none")
        return rows

    def convention(self, given: str | None) -> str:
        """Name of the convention that the scores follow.

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


def to_csv(records: Sequence[DataclassInstance]) -> str:
    """Records as CSV text, an empty field where a value is undefined."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(asdict(records[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        [{k: f"{v:.8g}" if isinstance(v, float) else v for k, v in asdict(r).items()} for r in records]
    )
    return text.getvalue()


def _from_csv(text: str) -> list[Row]:
    found = csv.DictReader(io.StringIO(text))
    return [
        Row(r["case"], r["region"], r["metric"], float(r["value"]) if r["value"] else None) for r in found
    ]
