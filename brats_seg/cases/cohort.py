"""What lies under a folder as a whole: its cases, and what is told of them together.

Covered by tests/cases/test_find.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from brats_seg.cases.case import Case, Finding

SHOWN = 2
"""Notes that every command tells; `check` tells all."""
LONGEST_ID = 200
"""Bytes: file systems take 255, of which the endings of outputs need some."""


@dataclass(frozen=True)
class Scan:
    """What lies under a folder.

    Attributes:
        cases: Sorted by id.
        findings: Errors and notes about files that make no clear case, and ids that exist twice.
    """

    cases: tuple[Case, ...]
    findings: tuple[Finding, ...]

    @property
    def left_out(self) -> list[str]:
        """Lines about files that are not used, and one about cases without a truth where others have one."""
        lines: list[str] = []
        notes = [finding for finding in self.findings if finding.level == "note"]
        lines += map(str, notes[:SHOWN])
        if len(notes) > SHOWN:
            lines.append(f"and {len(notes) - SHOWN} more such notes: brats-seg check has them")
        without = [case.id for case in self.cases if case.segmentation is None]
        if 0 < len(without) < len(self.cases):
            some = f"{', '.join(without[:3])}{', ...' if len(without) > 3 else ''}"
            lines.append(f"{len(without)} of {len(self.cases)} cases have no segmentation, left out: {some}")
        return lines


def other_formats(root: Path, others: Mapping[str, Sequence[Path]]) -> Iterator[Finding]:
    """One note for all images of formats that are not read.

    Args:
        root: Where they were found.
        others: Ending to images.

    Yields:
        The note; nothing where there are none.
    """
    if not others:
        return
    counts = ", ".join(f"{len(paths)} {ending}" for ending, paths in sorted(others.items()))
    how = "brats-seg convert for DICOM; else ITK-SNAP, SimpleITK or mri_convert"
    first = min(path for paths in others.values() for path in paths)
    yield Finding(root.name, first, "note", f"expected NIfTI, found other images ({counts}): not read; {how}")


def long_ids(cases: Iterable[Case]) -> Iterator[Finding]:
    """Ids that no file could be named by."""
    for case in cases:
        length = len(case.id.encode("utf-8"))
        if length > LONGEST_ID:
            message = f"expected an id of at most {LONGEST_ID} bytes, found {length}; rename the files"
            yield Finding(case.id, None, "error", message)


def shared_ids(cases: Iterable[Case]) -> Iterator[Finding]:
    """Ids that more than one case has."""
    folders: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        folders[case.id].append(str(case.files[0].parent))
    for case_id, of_id in folders.items():
        if len(of_id) > 1:
            message = f"expected one case of this id, found {len(of_id)}: in {' and '.join(of_id)}"
            yield Finding(case_id, None, "error", message)
