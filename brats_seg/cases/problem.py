"""One broken expectation. Covered by tests/cases/test_check.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brats_seg.cases.case import Case, Finding, Level
from brats_seg.errors import CaseError, printable


@dataclass(frozen=True)
class Problem:
    """One broken expectation.

    Attributes:
        file: Which file; None where the case as a whole is meant.
        expected: What a usable case has.
        found: What this one has, and the remedy.
        level: ``"error"``: the case cannot be used; ``"note"``: it can.
    """

    file: Path | None
    expected: str
    found: str
    level: Level = "error"

    def __str__(self) -> str:
        where = f"{self.file.name}: " if self.file else ""
        return printable(f"{where}expected {self.expected}, found {self.found}")

    def error(self, case: Case) -> CaseError:
        """As the exception that stops the work."""
        return CaseError(case.id, expected=self.expected, found=self.found, file=self.file)

    def finding(self, case: Case) -> Finding:
        """As a row of the check's table."""
        return Finding(case.id, self.file, self.level, f"expected {self.expected}, found {self.found}")
