"""The checks: the full one that `brats-seg check` runs, and the cheap one before training and prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.cases.case import Case, Finding
from brats_seg.cases.problems import (
    Problem,
    header_problems,
    label_problems,
    missing_modalities,
    orientation_note,
    outside_problems,
    voxel_problems,
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
    geometries, faults = _header_faults(case)
    problems = [*missing_modalities(case), *faults, *orientation_note(geometries)]
    return [problem.finding(case) for problem in (*problems, *_voxel_faults(case, geometries))]


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
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        jobs = {pool.submit(inspect_case, case): case for case in cases}
        for job in as_completed(jobs):
            findings += job.result()
            progress(jobs[job])
    return sorted(findings, key=lambda finding: finding.case_id)


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
            geometries[path] = nifti.read_geometry(path)
        except FileError as error:
            faults.append(Problem(path, error.expected, error.found))
    return geometries, [*faults, *header_problems(geometries, expected_channels(case))]


def _voxel_faults(case: Case, paths: Iterable[Path]) -> Iterator[Problem]:
    """What is wrong inside the files; the segmentation comes last, because it is compared with the brain."""
    brain: NDArray[np.bool_] | None = None
    for path in paths:
        try:
            arrays = [volume.array for volume in nifti.read_channels(path)]
        except FileError as error:
            yield Problem(path, error.expected, error.found)
            continue
        if path == case.segmentation:
            yield from _label_faults(case, path, arrays[0], brain)
            continue
        for name, file in case.modalities.items():
            if file.path != path or file.channel >= len(arrays):
                continue
            array = arrays[file.channel]
            yield from voxel_problems(path, name, array)
            inside = array != 0
            if brain is not None and brain.shape == inside.shape:
                inside |= brain
            brain = inside


def _label_faults(
    case: Case, path: Path, label_map: NDArray[Any], brain: NDArray[np.bool_] | None
) -> Iterator[Problem]:
    yield from label_problems(path, label_map, case.labels)
    if brain is not None and brain.shape == label_map.shape:
        yield from outside_problems(path, label_map, brain)
