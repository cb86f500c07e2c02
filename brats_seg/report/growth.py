"""Two or more visits of one patient: how much each region has grown since the first one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from brats_seg.artifacts.prediction_tables import COLUMNS, numbers
from brats_seg.cases.own_naming import with_patients
from brats_seg.data.patients import patient
from brats_seg.files import says
from brats_seg.report.write_pages import CasePage, ShownCase

DATE = re.compile(r"(?<![0-9])([0-9]{4})-?([0-9]{2})-?([0-9]{2})$")
"""What an id ends with where the user lets `convert` keep identities."""

is_growth_csv = says("patient,first,case,days,region,")
"""Whether a file is a table of growth of this program."""


@dataclass(frozen=True)
class Change:
    """One region of one visit against the first.

    Attributes:
        region: Or tissue.
        first_ml: At the first visit.
        ml: At this one.
    """

    region: str
    first_ml: float
    ml: float

    @property
    def change_ml(self) -> float:
        """Positive where it has grown."""
        return self.ml - self.first_ml

    @property
    def change_percent(self) -> float | None:
        """Of the volume at the first visit; None where there was nothing."""
        return 100 * self.change_ml / self.first_ml if self.first_ml else None


@dataclass(frozen=True)
class FollowUp:
    """A later visit against the first one of the same patient.

    Attributes:
        patient: Who.
        first: Page of the first visit.
        later: Page of the later one.
        changes: Of each region and tissue whose volumes are known.
    """

    patient: str
    first: CasePage
    later: CasePage
    changes: tuple[Change, ...]

    @property
    def days(self) -> int | None:
        """Between both, where both ids end with a date."""
        days = [_day(page.id) for page in (self.first, self.later)]
        return None if days[0] is None or days[1] is None else (days[1] - days[0]).days


def find_follow_ups(
    pages: Sequence[CasePage], shown: Mapping[str, ShownCase], pattern: str | None
) -> list[FollowUp]:
    """Every later visit of a patient with more than one.

    Args:
        pages: Of all cases.
        shown: Those that could be written.
        pattern: ``patterns.patient``; None: as the names of BraTS tell.

    Returns:
        Sorted by patient, then by visit: numbers in the ids ascend.

    Raises:
        WrongValue: The pattern does not fit an id.
    """
    cases = [page.files.case for page in pages if page.id in shown]
    if pattern is not None:
        cases = with_patients(cases, pattern)
    told = {case.id: case.patient for case in cases if case.patient is not None}
    visits: dict[str, list[CasePage]] = {}
    for page in pages:
        if page.id in shown:
            visits.setdefault(patient(page.id, told), []).append(page)
    found = []
    for name in sorted(visits, key=_by_number):
        first, *later = sorted(visits[name], key=lambda page: _by_number(page.id))
        for page in later:
            changes = _changes(shown[first.id].record, shown[page.id].record)
            found.append(FollowUp(name, first, page, changes))
    return found


def growth_csv(follow_ups: Sequence[FollowUp]) -> str:
    """A line per later visit and region.

    Args:
        follow_ups: In the order of the table.

    Returns:
        CSV; days and per cent are empty where they are not known.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["patient", "first", "case", "days", "region", "first_ml", "ml", "change_ml", "change_percent"]
    )
    for each in follow_ups:
        days = "" if each.days is None else each.days
        for change in each.changes:
            percent = "" if change.change_percent is None else round(change.change_percent, 3)
            volumes = [round(ml, 6) for ml in (change.first_ml, change.ml, change.change_ml)]
            writer.writerow(
                [each.patient, each.first.id, each.later.id, days, change.region, *volumes, percent]
            )
    return text.getvalue()


def _changes(first: Mapping[str, Any], later: Mapping[str, Any]) -> tuple[Change, ...]:
    before, now = (numbers(record.get("volumes_ml")) for record in (first, later))
    names = [name for name in COLUMNS if name in before and name in now]
    return tuple(Change(name, before[name], now[name]) for name in names)


def _by_number(name: str) -> list[str | int]:
    """Visit 10 comes after visit 2."""
    return [int(part) if part.isdecimal() else part for part in re.split("([0-9]+)", name)]


def _day(case_id: str) -> date | None:
    found = DATE.search(case_id)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
