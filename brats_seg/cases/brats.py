"""The naming of the BraTS challenges: ``<id>_t1ce.nii.gz`` up to 2021, ``<id>-t1c.nii.gz`` since 2023."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from brats_seg.cases.case import Case, Finding, ModalityFile, twice
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
NAME = re.compile(rf"(?:(?P<id>.+)[_-])?(?P<token>{'|'.join(TOKENS)})\.nii(?:\.gz)?", re.IGNORECASE)
STRAY = re.compile(r".+_segm\.nii(?:\.gz)?", re.IGNORECASE)
"""``W39_1998.09.19_Segm.nii.gz``: the segmentation of case 355 of BraTS 2020, released under its name at the hospital."""


@dataclass(frozen=True)
class Name:
    """A file name taken apart: case id ("" where there is none), what it holds, and the labels it speaks for."""

    id: str
    content: str
    labels: str | None


def parse(name: str) -> Name | None:
    """Take a file name apart; None where it is no BraTS name."""
    if (match := NAME.fullmatch(name)) is None:
        return None
    case_id = match["id"] or ""
    content, labels = TOKENS[match["token"].lower()]
    # The paediatric challenge numbers its labels otherwise: not to be guessed.
    return Name(case_id, content, None if "BRATS-PED" in case_id.upper() else labels)


def labels_of(modality_names: Iterable[str]) -> str | None:
    """The labels that all names of a case's modalities agree on; None where one tells nothing or another one."""
    told = {parsed.labels if (parsed := parse(name)) else None for name in modality_names}
    return told.pop() if len(told) == 1 else None


def cases_in(folder: Path, files: list[tuple[str, Path]]) -> tuple[list[Case], list[Finding]]:
    """Group one folder's files into cases by the id in their names; a bare ``t1.nii.gz`` is of the case its folder names."""
    groups: dict[str, dict[str, list[tuple[str, Path]]]] = defaultdict(lambda: defaultdict(list))
    others = []
    for name, path in files:
        if parsed := parse(name):
            groups[parsed.id or folder.name][parsed.content].append((name, path))
        else:
            others.append((name, path))
    cases, findings = [], []
    for case_id, group in sorted(groups.items()):
        if not set(group) & set(MODALITIES):
            findings += [
                Finding(case_id, path, "note", "a segmentation alone is not a case")
                for _, path in group["seg"]
            ]
            continue
        if (
            len(groups) == 1
            and "seg" not in group
            and (stray := [file for file in others if STRAY.fullmatch(file[0])])
        ):
            group["seg"] = stray
            findings.append(
                Finding(case_id, stray[0][1], "note", "taken for the segmentation in spite of its name")
            )
        cases.append(_case(case_id, group))
        findings += _duplicates(case_id, group)
        if len(groups) == 1 and len(group) < len(MODALITIES) + 1:
            findings += [
                Finding(case_id, path, "note", "not recognised by its name")
                for name, path in others
                if not STRAY.fullmatch(name)
            ]
    return cases, [*findings, *_strangers(folder, groups, others)]


def _strangers(folder: Path, groups: Iterable[str], others: list[tuple[str, Path]]) -> Iterator[Finding]:
    """In a folder that is not one case's own: files that may be cases under another naming, in one note."""
    known = tuple(groups)
    unnamed = [path for name, path in others if folder.name not in known and not name.startswith(known)]
    if unnamed:
        several = f", nor {len(unnamed) - 1} more here" if len(unnamed) > 1 else ""
        yield Finding(folder.name, unnamed[0], "note", f"not recognised by its name{several}; {OWN_NAMING}")


def _case(case_id: str, group: dict[str, list[tuple[str, Path]]]) -> Case:
    modalities = {name: ModalityFile(group[name][0][1]) for name in MODALITIES if name in group}
    # Of a doubled modality neither file counts: that it is doubled is the one thing to say.
    names = [group[content][0][0] for content in modalities if len(group[content]) == 1]
    return Case(case_id, modalities, group["seg"][0][1] if "seg" in group else None, labels_of(names))


def _duplicates(case_id: str, group: dict[str, list[tuple[str, Path]]]) -> list[Finding]:
    return [
        twice(case_id, content, [path for _, path in same], same[0][1].name)
        for content, same in sorted(group.items())
        if len(same) > 1
    ]
