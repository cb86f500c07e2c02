"""Your own naming: one pattern per modality, with ``{id}`` where the case id stands."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from brats_seg.cases.case import Case, Finding, ModalityFile, twice
from brats_seg.errors import WrongValue
from brats_seg.terms import MODALITIES

KEYS = (*MODALITIES, "seg")
OWN_NAMING = "data.patterns (predict, evaluate: patterns) takes a naming of your own"
"""What to do about files that no known layout has."""


def cases_by_pattern(root: Path, patterns: Mapping[str, str]) -> tuple[list[Case], list[Finding]]:
    """Cases whose files match patterns such as ``{id}/anat/{id}_T1w.nii.gz``; ``*`` and ``?`` stand for any letters.

    Raises:
        WrongValue: A pattern has no ``{id}``, is absolute, or is for something that is no modality.
    """
    groups: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for key, pattern in patterns.items():
        if key not in KEYS or "{id}" not in pattern or Path(pattern).is_absolute():
            raise WrongValue(
                f"patterns.{key}={pattern!r}: expected a path below the folder of cases with {{id}} in it, for one of {KEYS}"
            )
        expression = _expression(pattern)
        for path in sorted(
            root.glob(re.sub(r"\*+", "*", pattern.replace("{id}", "*")))
        ):  # pathlib refuses ** in a name
            if match := expression.fullmatch(path.relative_to(root).as_posix()):
                groups[match["id"]][key].append(path)
    cases, findings = [], []
    for case_id, group in sorted(groups.items()):
        for key, same in group.items():
            if len(same) > 1:
                findings.append(twice(case_id, key, same, str(same[0].relative_to(root))))
        modalities = {name: ModalityFile(group[name][0]) for name in MODALITIES if name in group}
        if modalities or set(patterns) == {"seg"}:  # truths alone, to evaluate against
            cases.append(Case(case_id, modalities, group["seg"][0] if "seg" in group else None))
        else:
            findings.append(Finding(case_id, group["seg"][0], "note", "a segmentation alone is not a case"))
    return cases, findings


def _expression(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression that takes the id out, and holds every ``{id}`` to the same one; no hidden files."""
    pieces = {"*": "[^/]*", "?": "[^/]", "{id}": "(?P=id)"}
    parts = re.split(r"(\{id\}|\*|\?)", pattern)
    text = "".join(pieces.get(part, re.escape(part)) for part in parts)
    return re.compile(text.replace("(?P=id)", "(?P<id>[^/.][^/]*)", 1))
