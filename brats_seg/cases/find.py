"""Find cases on disk: whose files belong together, and what stands in the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from brats_seg.cases import brats, decathlon
from brats_seg.cases import own_naming as own
from brats_seg.cases.case import Case, Finding
from brats_seg.cases.cohort import Scan, long_ids, other_formats, shared_ids
from brats_seg.cases.data_sets import remarks
from brats_seg.cases.folders import Files, each_folder
from brats_seg.errors import UserError
from brats_seg.labels import label_values
from brats_seg.nifti import check_orientation

NONE = f"expected cases (<id>_t1.nii.gz, <id>-t1n.nii.gz or imagesTr/), found none; {own.OWN_NAMING}"


def find_cases(
    root: Path,
    *,
    labels: str | None = None,
    patterns: Mapping[str, str | None] | None = None,
    orientation: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Case]:
    """Every case under a folder, in any known layout, sorted by id.

    Args:
        root: A folder of cases at any depth, one case folder, or one file of a case.
        labels: Name of the label values of all of them; None takes what the file names imply.
        patterns: ``t1``, ``t1ce``, ``t2``, ``flair``, ``seg`` to paths below ``root`` with ``{id}`` in them,
            such as ``{id}/anat/{id}_T1w.nii.gz``, for file names of your own; ``patient`` to the id with
            ``{patient}`` in it, such as ``{patient}_ses-*``.
        orientation: Of files whose header tells no space, such as ``"LPS"``; None: as nibabel takes them.
        tell: Called with each line of :attr:`Scan.left_out`.

    Returns:
        At least one case.

    Raises:
        UserError: There is no case, or one line per ambiguous case (a file or an id exists twice).
    """
    found = scan(root, labels=labels, patterns=patterns, orientation=orientation)
    errors = [str(finding) for finding in found.findings if finding.level == "error"]
    if errors:
        raise UserError("\n".join(errors))
    if not found.cases:
        raise UserError(_nothing(root, found))
    for line in found.left_out:
        tell(line)
    return list(found.cases)


def clear_cases(
    root: Path,
    *,
    patterns: Mapping[str, str | None] | None = None,
    orientation: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> tuple[list[Case], list[str]]:
    """As :func:`find_cases`, for prediction: ambiguous cases are left out, segmentations are ignored.

    Args:
        root: As for :func:`find_cases`.
        patterns: As for :func:`find_cases`.
        orientation: As for :func:`find_cases`.
        tell: As for :func:`find_cases`; cases without a truth are not told.

    Returns:
        The clear cases, and one line for each thing that is wrong with the others.

    Raises:
        UserError: There is no case at all, clear or not.
    """
    found = scan(root, patterns=patterns, orientation=orientation)
    ambiguous = set()
    lines = []
    for finding in found.findings:
        if finding.level == "error" and not finding.of_segmentation:
            ambiguous.add(finding.case_id)
            lines.append(str(finding))
    if not (found.cases or lines):
        raise UserError(_nothing(root, found))
    for line in Scan((), found.findings).left_out:
        tell(line)
    return [case for case in found.cases if case.id not in ambiguous], lines


def scan(
    root: Path,
    *,
    labels: str | None = None,
    patterns: Mapping[str, str | None] | None = None,
    orientation: str | None = None,
) -> Scan:
    """As :func:`find_cases`, with everything that is ambiguous listed instead of raised.

    Args:
        root: As for :func:`find_cases`.
        labels: As for :func:`find_cases`.
        patterns: As for :func:`find_cases`.
        orientation: As for :func:`find_cases`.

    Returns:
        The cases, maybe none, and the findings.

    Raises:
        UserError: There is no such folder, the label values are unknown, or a pattern cannot be used.
    """
    if labels is not None:
        label_values(labels)
    if orientation is not None:
        check_orientation(orientation)
    root = Path(os.path.abspath(Path(root).expanduser()))
    if not root.exists():
        raise UserError(f"{root}: no such folder of cases")
    own_patterns = {key: pattern for key, pattern in (patterns or {}).items() if pattern}
    patient_pattern = own_patterns.pop(own.PATIENT, None)
    if own_patterns:
        cases, findings = own.cases_by_pattern(root, own_patterns)
    else:
        cases, findings = _known_layouts(root)
    if root.is_file():
        cases = [case for case in cases if root in case.files]
        ids = {case.id for case in cases}
        findings = [finding for finding in findings if finding.case_id in ids]
    if labels is not None:
        cases = [replace(case, labels=labels) for case in cases]
    if orientation is not None:
        cases = [replace(case, orientation=orientation) for case in cases]
    if patient_pattern is not None:
        cases = own.with_patients(cases, patient_pattern)
    cases.sort(key=lambda case: case.id)
    notes = [Finding(case, None, "note", line) for case, line in remarks(case.id for case in cases)]
    return Scan(tuple(cases), (*findings, *shared_ids(cases), *long_ids(cases), *notes))


def _known_layouts(root: Path) -> tuple[list[Case], list[Finding]]:
    cases: list[Case] = []
    findings: list[Finding] = []
    # Of a single file only its own folder is of interest.
    others: dict[str, list[Path]] = {}
    folders = each_folder(root, others) if root.is_dir() else islice(each_folder(root.parent), 1)
    for folder, files in folders:
        some, faults = _in_folder(folder, files)
        cases += some
        findings += faults
    return cases, [*other_formats(root, others), *findings]


def _nothing(root: Path, found: Scan) -> str:
    """The line for a folder without a case, with what is there instead."""
    return ". ".join([f"{root}: {NONE}", *found.left_out])


def _in_folder(folder: Path, files: Files) -> tuple[list[Case], list[Finding]]:
    if folder.name == decathlon.LABELS:
        return [], []
    if decathlon.is_images(folder) and not any(brats.parse(name) for name, _ in files):
        return decathlon.cases_in(folder, files)
    return brats.cases_in(folder, files)
