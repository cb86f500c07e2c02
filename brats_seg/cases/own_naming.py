"""Your own naming: one pattern per modality, with ``{id}`` where the case id stands.

Covered by tests/cases/test_find.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from brats_seg.cases.case import Case, Finding, ModalityFile, duplicate_finding
from brats_seg.errors import WrongValue
from brats_seg.terms import MODALITIES

KEYS = (*MODALITIES, "seg")
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


def _expression(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression with a group ``id``; no file that it matches is hidden."""
    pieces = {"*": "[^/]*", "?": "[^/]", "{id}": "(?P=id)"}
    parts = re.split(r"(\{id\}|\*|\?)", pattern)
    text = "".join(pieces.get(part, re.escape(part)) for part in parts)
    return re.compile(text.replace("(?P=id)", "(?P<id>[^/.][^/]*)", 1))
