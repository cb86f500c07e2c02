"""The naming of the BraTS challenges: ``<id>_t1ce.nii.gz`` up to 2021, ``<id>-t1c.nii.gz`` since 2023.

Covered by tests/cases/test_find.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from brats_seg.cases.case import Case, Finding, ModalityFile, duplicate_finding
from brats_seg.cases.data_sets import find_data_set
from brats_seg.cases.folders import Files
from brats_seg.cases.own_naming import OWN_NAMING
from brats_seg.terms import MODALITIES

TOKENS = {
    "t1": ("t1", "brats2020"),
    "t1ce": ("t1ce", "brats2020"),
    "t2": ("t2", "brats2020"),
    "flair": ("flair", "brats2020"),
    "t1n": ("t1", "brats2023"),
    "t1c": ("t1ce", "brats2023"),
    "t2w": ("t2", "brats2023"),
    "t2f": ("flair", "brats2023"),
    "seg": ("seg", None),
}
"""Last word of a file name: what it holds, and the label values of the editions that use the word."""
NAME = re.compile(
    rf"(?:(?P<id>.+)[_-])?(?P<token>{'|'.join(TOKENS)})\.nii(?:\.gz)?", re.IGNORECASE | re.DOTALL
)
STRAY = re.compile(r".+_segm\.nii(?:\.gz)?", re.IGNORECASE | re.DOTALL)
"""``W39_1998.09.19_Segm.nii.gz``: the segmentation of case 355 of BraTS 2020, released under this name."""
Group = dict[str, Files]
"""The files of one case by what they hold: a modality or ``seg``."""


@dataclass(frozen=True)
class Name:
    """A file name taken apart.

    Attributes:
        id: Of the case; empty where the name has none.
        content: A modality, or ``seg``.
        labels: The label values that the name implies; None where it implies none.
    """

    id: str
    content: str
    labels: str | None


def parse(name: str) -> Name | None:
    """Take a file name apart; None where it is no BraTS name."""
    match = NAME.fullmatch(name)
    if match is None:
        return None
    case_id = match["id"] or ""
    content, labels = TOKENS[match["token"].lower()]
    data_set = find_data_set(case_id)
    if data_set is not None and labels is not None:
        labels = data_set.labels
    return Name(case_id, content, labels)


def implied_labels(modality_names: Iterable[str]) -> str | None:
    """Label values that the file names of a case imply; None if a name implies none or the names disagree."""
    implied = set()
    for name in modality_names:
        parsed = parse(name)
        implied.add(parsed.labels if parsed else None)
    return implied.pop() if len(implied) == 1 else None


def cases_in(folder: Path, files: Files) -> tuple[list[Case], list[Finding]]:
    """Group one folder's files into cases by the id in their names.

    Args:
        folder: A bare ``t1.nii.gz`` belongs to the case named like this folder.
        files: Its files.

    Returns:
        The cases, and what is wrong with them.
    """
    groups, others = _grouped(folder, files)
    cases: list[Case] = []
    findings: list[Finding] = []
    for case_id, group in sorted(groups.items()):
        if not set(group) & set(MODALITIES):
            findings.extend(
                Finding(case_id, path, "note", "a segmentation alone is not a case")
                for _, path in group["seg"]
            )
            continue
        if len(groups) == 1:
            findings.extend(_adopt_stray(case_id, group, others))
        cases.append(_case(case_id, group))
        findings.extend(_duplicates(case_id, group))
        if len(groups) == 1 and len(group) < len(MODALITIES) + 1:
            findings.extend(_unrecognised(case_id, others))
    return cases, [*findings, *_other_cases(folder, groups, others)]


def _grouped(folder: Path, files: Files) -> tuple[dict[str, Group], Files]:
    """Case id to its files, and the files that have no BraTS name."""
    groups: dict[str, Group] = defaultdict(lambda: defaultdict(list))
    others = []
    for name, path in files:
        parsed = parse(name)
        if parsed:
            groups[parsed.id or folder.name][parsed.content].append((name, path))
        else:
            others.append((name, path))
    return groups, others


def _adopt_stray(case_id: str, group: Group, others: Files) -> Iterator[Finding]:
    """Take a file named as case 355's segmentation for the segmentation of the only case of its folder."""
    stray = [(name, path) for name, path in others if STRAY.fullmatch(name)]
    if stray and "seg" not in group:
        group["seg"] = stray
        yield Finding(case_id, stray[0][1], "note", "taken for the segmentation in spite of its name")


def _unrecognised(case_id: str, others: Files) -> Iterator[Finding]:
    for name, path in others:
        if not STRAY.fullmatch(name):
            yield Finding(case_id, path, "note", "not recognised by its name")


def _other_cases(folder: Path, groups: Iterable[str], others: Files) -> Iterator[Finding]:
    """In a folder that is not one case's own: files that may be cases under another naming, in one note."""
    known = tuple(groups)
    if folder.name in known:
        return
    unnamed = [path for name, path in others if not name.startswith(known)]
    if unnamed:
        several = f", nor {len(unnamed) - 1} more here" if len(unnamed) > 1 else ""
        yield Finding(folder.name, unnamed[0], "note", f"not recognised by its name{several}; {OWN_NAMING}")


def _case(case_id: str, group: Group) -> Case:
    modalities = {name: ModalityFile(group[name][0][1]) for name in MODALITIES if name in group}
    # Of a doubled modality neither name counts: that it is doubled is the one thing to say.
    names = [group[content][0][0] for content in modalities if len(group[content]) == 1]
    segmentation = group["seg"][0][1] if "seg" in group else None
    return Case(case_id, modalities, segmentation, implied_labels(names))


def _duplicates(case_id: str, group: Group) -> Iterator[Finding]:
    for content, same in sorted(group.items()):
        if len(same) > 1:
            paths = [path for _, path in same]
            yield duplicate_finding(case_id, content, paths, same[0][1].name)
