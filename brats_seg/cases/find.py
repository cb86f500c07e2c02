"""Find cases on disk: whose files belong together, and what stands in the way."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from brats_seg.cases import brats, decathlon
from brats_seg.cases import own_naming as own
from brats_seg.cases.case import Case, Finding, ModalityFile
from brats_seg.cases.folders import each_folder, stem
from brats_seg.errors import UserError
from brats_seg.labels import label_values
from brats_seg.terms import MODALITIES

NONE = f"expected cases (<id>_t1.nii.gz, <id>-t1n.nii.gz or imagesTr/), found none; {own.OWN_NAMING}"


@dataclass(frozen=True)
class Scan:
    """What lies under a folder.

    Attributes:
        cases: Sorted by id.
        findings: Errors and notes about files that make no clear case, and ids that exist twice.
    """

    cases: tuple[Case, ...]
    findings: tuple[Finding, ...]


def find_cases(
    root: Path, *, labels: str | None = None, patterns: Mapping[str, str | None] | None = None
) -> list[Case]:
    """Every case under a folder, in any known layout, sorted by id.

    Args:
        root: A folder of cases at any depth, one case folder, or one file of a case.
        labels: Name of the label values of all of them; None takes what the naming tells.
        patterns: ``t1``, ``t1ce``, ``t2``, ``flair``, ``seg`` to paths below ``root`` with ``{id}`` in them, such as
            ``{id}/anat/{id}_T1w.nii.gz``, where the naming is your own.

    Raises:
        UserError: There is no case, or one line per case that is not clear (a file or an id exists twice).
    """
    found = scan(root, labels=labels, patterns=patterns)
    if errors := [str(finding) for finding in found.findings if finding.level == "error"]:
        raise UserError("\n".join(errors))
    if not found.cases:
        raise UserError(f"{root}: {NONE}")
    return list(found.cases)


def clear_cases(
    root: Path, *, patterns: Mapping[str, str | None] | None = None
) -> tuple[list[Case], list[str]]:
    """As :func:`find_cases`, for those who read no segmentation and go on without the cases that are not clear.

    Returns:
        The clear cases, and one line for each thing that is wrong with the others.

    Raises:
        UserError: There is no case at all, clear or not.
    """
    found = scan(root, patterns=patterns)
    errors = [
        finding for finding in found.findings if finding.level == "error" and not finding.of_segmentation
    ]
    if not (found.cases or errors):
        raise UserError(f"{root}: {NONE}")
    unclear = {finding.case_id for finding in errors}
    return [case for case in found.cases if case.id not in unclear], [str(finding) for finding in errors]


def scan(root: Path, *, labels: str | None = None, patterns: Mapping[str, str | None] | None = None) -> Scan:
    """As :func:`find_cases`, with everything that is unclear listed instead of raised.

    Raises:
        UserError: The folder or the labels does not exist, or a pattern cannot be used.
    """
    if labels is not None:
        label_values(labels)
    root = Path(os.path.abspath(Path(root).expanduser()))
    if not root.exists():
        raise UserError(f"{root}: no such folder of cases")
    wanted = {key: pattern for key, pattern in (patterns or {}).items() if pattern}
    cases: list[Case] = []
    findings: list[Finding] = []
    for some, faults in [own.cases_by_pattern(root, wanted)] if wanted else map(_in_folder, _folders(root)):
        cases += some
        findings += faults
    if root.is_file():
        cases = [case for case in cases if root in case.files]
        findings = [finding for finding in findings if finding.case_id in {case.id for case in cases}]
    if labels is not None:
        cases = [replace(case, labels=labels) for case in cases]
    return Scan(tuple(sorted(cases, key=lambda case: case.id)), (*findings, *_twice(cases)))


def case_from_files(
    files: Mapping[str, Path], *, case_id: str | None = None, labels: str | None = None
) -> Case:
    """One case from files named one by one (``t1=FILE t1ce=FILE ...`` on the command line).

    Args:
        files: Keys from ``terms.MODALITIES``, and ``seg`` for a label map.
        case_id: None takes it from the file names.
        labels: None takes what the naming tells.

    Raises:
        UserError: An unknown key, no modality, or a file that does not exist.
    """
    paths = {key: Path(path).expanduser() for key, path in files.items()}
    if unknown := set(paths) - {*MODALITIES, "seg"}:
        raise UserError(f"unknown modality {', '.join(sorted(unknown))}: use {', '.join(MODALITIES)} or seg")
    if not set(paths) & set(MODALITIES):
        raise UserError(f"expected a file for at least one of {', '.join(MODALITIES)}, found none")
    if absent := [path for path in paths.values() if not path.is_file()]:
        raise UserError(f"{absent[0]}: no such file")
    modalities = {name: ModalityFile(paths[name]) for name in MODALITIES if name in paths}
    names = [file.path.name for file in modalities.values()]
    return Case(case_id or _common_id(names), modalities, paths.get("seg"), labels or brats.labels_of(names))


def _folders(root: Path) -> Iterator[tuple[Path, list[tuple[str, Path]]]]:
    # Of a single file only its own folder is of interest.
    return each_folder(root) if root.is_dir() else islice(each_folder(root.parent), 1)


def _in_folder(folder: tuple[Path, list[tuple[str, Path]]]) -> tuple[list[Case], list[Finding]]:
    path, files = folder
    if path.name == decathlon.LABELS:
        return [], []
    if decathlon.is_images(path) and not any(brats.parse(name) for name, _ in files):
        return decathlon.cases_in(path, files)
    return brats.cases_in(path, files)


def _twice(cases: Iterable[Case]) -> Iterator[Finding]:
    """Ids that more than one case has."""
    folders: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        folders[case.id].append(str(case.files[0].parent))
    for case_id, of_id in folders.items():
        if len(of_id) > 1:
            yield Finding(
                case_id,
                None,
                "error",
                f"expected one case of this id, found {len(of_id)}: in {' and '.join(of_id)}",
            )


def _common_id(names: list[str]) -> str:
    parsed = {match.id for name in names if (match := brats.parse(name))}
    if len(parsed) == 1 and (only := parsed.pop()):
        return only
    stems = sorted(map(stem, names))
    first, last = stems[0], stems[-1]  # what these two share, all share
    shared = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    return first[:shared].rstrip("_-. ") or "case"
