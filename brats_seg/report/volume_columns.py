"""Columns of the table of cases that need no truth: volumes, agreement of A and B.

Covered by tests/report/test_sources.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brats_seg.artifacts.prediction_tables import AGREEMENT, COLUMNS, numbers
from brats_seg.report.write_pages import ShownCase
from brats_seg.terms import REGIONS


@dataclass(frozen=True)
class Group:
    """Neighbouring columns of one quantity.

    Attributes:
        key: In the record of a case.
        title: Above the columns.
        names: Of the columns.
        digits: After the point.
    """

    key: str
    title: str
    names: tuple[str, ...]
    digits: int


GROUPS = (
    Group("volumes_ml", "Volume, ml", COLUMNS, 1),
    Group(AGREEMENT, "Dice of A and B", REGIONS, 2),
)


@dataclass(frozen=True)
class Cell:
    """One number in the table; None where it is not known."""

    group: Group
    name: str
    value: float | None


def groups_of(shown: Mapping[str, ShownCase]) -> list[Group]:
    """The groups that some case has a number for."""
    return [group for group in GROUPS if any(numbers(case.record.get(group.key)) for case in shown.values())]


def cells_of(groups: Sequence[Group], record: Mapping[str, Any]) -> list[Cell]:
    """The numbers of one case.

    Args:
        groups: In the order of the table.
        record: Of the case; empty where it has no page.

    Returns:
        A cell per column.
    """
    cells = []
    for group in groups:
        held = numbers(record.get(group.key))
        cells += [Cell(group, name, held.get(name)) for name in group.names]
    return cells
