"""The checks: the full one that `brats-seg check` runs, and the cheap one before training and prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path

from brats_seg import nifti
from brats_seg.cases.case import Case, Finding
from brats_seg.cases.comparisons import Compared
from brats_seg.cases.duplicates import same_images
from brats_seg.cases.problem import Problem
from brats_seg.cases.problems import (
    examined,
    header_notes,
    header_problems,
    label_problems,
    missing_modalities,
    orientation_note,
)
from brats_seg.cases.read import OnMissing, expected_channels
from brats_seg.errors import FileError, UserError


def check_headers(
    cases: Sequence[Case], *, on_missing_modality: OnMissing = "refuse", with_segmentation: bool = True
) -> None:
    """The cheap check: presence, shape, affine, voxel size, from headers alone (some milliseconds per case).

    Args:
        cases: What is about to be trained on or predicted.
        on_missing_modality: As for :func:`read_case`.
        with_segmentation: False leaves the label maps alone.

    Raises:
        UserError: One line per problem of every case.
    """
    read = partial(_header_errors, on_missing_modality=on_missing_modality)
    if not with_segmentation:
        cases = [replace(case, segmentation=None) for case in cases]
    lines: list[str] = []
    with ThreadPoolExecutor() as pool:
        for errors in pool.map(read, cases):
            lines += errors
    if lines:
        raise UserError("\n".join(lines))


def inspect_case(case: Case) -> list[Finding]:
    """The full check of one case: every file is read once, every problem listed."""
    return _inspect(case)[0]


def inspect_cohort(
    cases: Iterable[Case], *, workers: int, progress: Callable[[Case], None] = lambda case: None
) -> list[Finding]:
    """The full check of many cases in threads: unzipping and counting release the interpreter lock.

    Args:
        cases: To be checked.
        workers: How many at a time; one case of full size takes about 150 MB.
        progress: Called in this thread as each case is finished.

    Returns:
        Sorted by case.
    """
    findings: list[Finding] = []
    fingerprints: dict[str, dict[str, str]] = {}
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        jobs = {pool.submit(_inspect, case): case for case in cases}
        for job in as_completed(jobs):
            of_case, fingerprints[jobs[job].id] = job.result()
            findings += of_case
            progress(jobs[job])
    findings += _shared_images(fingerprints)
    return sorted(findings, key=lambda finding: finding.case_id)


def _shared_images(fingerprints: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    for case_id, owners in same_images(fingerprints).items():
        for owner, names in owners.items():
            found = f"those of case {owner} ({', '.join(names)}): one would train and the other validate"
            message = f"expected images of its own, found {found}; keep one of them"
            yield Finding(case_id, None, "note", message)


def _inspect(case: Case) -> tuple[list[Finding], dict[str, str]]:
    """What is wrong with one case, and the fingerprints by which it is compared with others."""
    geometries, faults = _header_faults(case)
    problems = [*missing_modalities(case), *faults, *header_notes(geometries), *orientation_note(geometries)]
    compared = Compared()
    problems += _voxel_faults(case, geometries, compared)
    return [problem.finding(case) for problem in problems], compared.fingerprints


def _header_errors(case: Case, *, on_missing_modality: OnMissing) -> list[str]:
    problems: list[Problem] = []
    if on_missing_modality == "refuse" or not case.modalities:
        problems.extend(missing_modalities(case))
    problems.extend(_header_faults(case)[1])
    return [str(problem.error(case)) for problem in problems]


def _header_faults(case: Case) -> tuple[dict[Path, nifti.Geometry], list[Problem]]:
    """Geometry of every file whose header can be read, and what is wrong with the others and between them."""
    geometries: dict[Path, nifti.Geometry] = {}
    faults: list[Problem] = []
    for path in case.files:
        try:
            geometries[path] = nifti.read_geometry(path, case.orientation)
        except FileError as error:
            faults.append(Problem(path, error.expected, error.found))
    return geometries, [*faults, *header_problems(geometries, expected_channels(case))]


def _voxel_faults(case: Case, paths: Iterable[Path], compared: Compared) -> Iterator[Problem]:
    """What is wrong inside the files; the segmentation comes last, because it is compared with the brain."""
    for path in paths:
        try:
            arrays = [volume.array for volume in nifti.read_channels(path, case.orientation)]
        except FileError as error:
            yield Problem(path, error.expected, error.found)
            continue
        if path == case.segmentation:
            yield from compared.sequence_problems(case)
            yield from label_problems(case, arrays[0])
            yield from compared.truth_problems(path, arrays[0])
            return
        for name, file in case.modalities.items():
            if file.path == path and file.channel < len(arrays):
                array, problems = examined(path, name, arrays[file.channel])
                yield from problems
                if not any(problem.level == "error" for problem in problems):
                    compared.add(name, array)
    yield from compared.sequence_problems(case)
