"""An evaluation folder: scores per case, tables of their means, and the convention that they follow."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import brats_seg
from brats_seg.artifacts.scores import Row, from_csv, is_table_of, to_csv
from brats_seg.errors import UserError
from brats_seg.files import (
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
            rows = from_csv(read_text(self.per_case))
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
