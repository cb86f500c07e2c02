"""Your own naming: one pattern per modality, with ``{id}`` where the case id stands.

Covered by tests/cases/test_find.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from brats_seg.cases.case import Case, Finding, ModalityFile, duplicate_finding
from brats_seg.errors import WrongValue
from brats_seg.terms import MODALITIES

KEYS = (*MODALITIES, "seg")
PATIENT = "patient"
"""Key of the pattern that says which part of an id is the patient."""
OWN_NAMING = "for other file names set patterns"
"""What to do about files that no known layout has."""


def cases_by_pattern(root: Path, patterns: Mapping[str, str]) -> tuple[list[Case], list[Finding]]:
    """Cases whose files match patterns such as ``{id}/anat/{id}_T1w.nii.gz``; ``*`` and ``?`` are wildcards.

    Args:
        root: The folder of cases.
        patterns: Modality, or ``seg``, to a path below ``root``.

    Returns:
        The cases sorted by id, and what is wrong with them.

    Raises:
        WrongValue: A pattern has no ``{id}``, is absolute, or is for something that is no modality.
    """
    groups: dict[str, dict[str, list[Path]]] = defaultdict(dict)
    for key, pattern in patterns.items():
        _check(key, pattern)
        for case_id, paths in _matches(root, pattern).items():
            groups[case_id][key] = paths
    cases, findings = [], []
    for case_id, group in sorted(groups.items()):
        for key, same in group.items():
            if len(same) > 1:
                findings.append(duplicate_finding(case_id, key, same, str(same[0].relative_to(root))))
        modalities = {name: ModalityFile(group[name][0]) for name in MODALITIES if name in group}
        if modalities or set(patterns) == {"seg"}:  # truths alone, to evaluate against
            segmentation = group["seg"][0] if "seg" in group else None
            cases.append(Case(case_id, modalities, segmentation))
        else:
            findings.append(Finding(case_id, group["seg"][0], "note", "a segmentation alone is not a case"))
    return cases, findings


def with_patients(cases: Iterable[Case], pattern: str) -> list[Case]:
    """Cases with the patient in their ids.

    Args:
        cases: Of one cohort.
        pattern: Of an id, with ``{patient}`` in it, such as ``{patient}_ses-*``.

    Returns:
        The same cases.

    Raises:
        WrongValue: The pattern has no ``{patient}``, or an id is another one.
    """
    expected = f"a pattern of the ids with {{{PATIENT}}} in it"
    if f"{{{PATIENT}}}" not in pattern:
        raise WrongValue(f"patterns.{PATIENT}={pattern!r}: expected {expected}")
    expression = _expression(pattern, PATIENT)
    named: list[Case] = []
    for case in cases:
        match = expression.fullmatch(case.id)
        if match is None:
            raise WrongValue(f"patterns.{PATIENT}={pattern!r}: expected {expected}, found the id {case.id}")
        named.append(replace(case, patient=match[PATIENT]))
    return named


def _check(key: str, pattern: str) -> None:
    if key not in KEYS or "{id}" not in pattern or Path(pattern).is_absolute():
        expected = f"a path below the folder of cases with {{id}} in it, for one of {KEYS}"
        raise WrongValue(f"patterns.{key}={pattern!r}: expected {expected}")


def _matches(root: Path, pattern: str) -> dict[str, list[Path]]:
    """Case id to the files of that case, sorted."""
    expression = _expression(pattern)
    glob = re.sub(r"\*+", "*", pattern.replace("{id}", "*"))  # pathlib refuses ** in a name
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(root.glob(glob)):
        match = expression.fullmatch(path.relative_to(root).as_posix())
        if match:
            found[match["id"]].append(path)
    return found


def _expression(pattern: str, group: str = "id") -> re.Pattern[str]:
    """The pattern as a regular expression with a group; no file that it matches is hidden."""
    again = f"(?P={group})"
    pieces = {"*": "[^/]*", "?": "[^/]", f"{{{group}}}": again}
    parts = re.split(rf"(\{{{group}\}}|\*|\?)", pattern)
    text = "".join(pieces.get(part, re.escape(part)) for part in parts)
    return re.compile(text.replace(again, f"(?P<{group}>[^/.][^/]*)", 1))
