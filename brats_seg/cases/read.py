"""Read one case into memory; whatever cannot be used stops here with one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.cases.case import Case, LoadedCase
from brats_seg.cases.comparisons import Compared
from brats_seg.cases.problem import Problem
from brats_seg.cases.problems import (
    examined,
    header_notes,
    header_problems,
    label_problems,
    missing_modalities,
)
from brats_seg.errors import CaseError, FileError
from brats_seg.terms import MODALITIES

OnMissing = Literal["refuse", "zero"]


def read_case(
    case: Case, *, on_missing_modality: OnMissing = "refuse", with_segmentation: bool = True
) -> LoadedCase:
    """Read every sequence, and the segmentation where there is one.

    Args:
        case: As found on disk.
        on_missing_modality: ``"refuse"`` raises; ``"zero"`` fills the channel with zeros and says so in
            ``missing``.
        with_segmentation: False leaves the label map alone, which prediction has no use for.

    Returns:
        The case in memory.

    Raises:
        CaseError: A file is missing, broken, of another space or voxel size, not finite, empty, without zero
            background; or its label values are not known, or a label is none of them.
    """
    case = case if with_segmentation else replace(case, segmentation=None)
    if not case.modalities or on_missing_modality == "refuse":
        _raise_first(case, missing_modalities(case))
    return load_case(case, read_volumes(case), on_missing_modality)


def load_case(
    case: Case, volumes: Mapping[Path, Sequence[nifti.Volume]], on_missing_modality: OnMissing
) -> LoadedCase:
    """Put volumes in memory together as a case, after the same checks as for files.

    Args:
        case: Which volume is which sequence.
        volumes: Every path of the case to its channels.
        on_missing_modality: As for :func:`read_case`.

    Returns:
        The case in memory.

    Raises:
        CaseError: As :func:`read_case`.
    """
    if not case.modalities or on_missing_modality == "refuse":
        _raise_first(case, missing_modalities(case))
    geometries = {path: channels[0].geometry for path, channels in volumes.items()}
    _raise_first(case, header_problems(geometries, expected_channels(case)))
    notes = [*header_notes(geometries)]
    geometry = geometries[case.files[0]]
    image = np.zeros((len(MODALITIES), *geometry.shape), np.float32)
    missing = _fill(image, case, volumes, on_missing_modality, notes)
    if len(missing) == len(MODALITIES):
        raise CaseError(case.id, expected="a brain", found="only zeros in every modality")
    compared = Compared()
    for name in case.modalities:
        if name not in missing:
            compared.add(name, image[MODALITIES.index(name)])
    notes += compared.sequence_problems(case)
    label_map = None
    if case.segmentation is not None:
        label_map = volumes[case.segmentation][0].array
        notes += _raise_errors(case, label_problems(case, label_map))
        notes += _raise_errors(case, compared.truth_problems(case.segmentation, label_map))
        label_map = label_map.astype(np.uint8)
    sha256 = {name: volumes[file.path][0].sha256 for name, file in case.modalities.items()}
    lines = tuple(map(str, notes))
    return LoadedCase(case, image, label_map, geometry, missing, sha256, lines, compared.fingerprints)


def read_volumes(case: Case, paths: Sequence[Path] | None = None) -> dict[Path, list[nifti.Volume]]:
    """Read files of a case, in threads: unzipping releases the interpreter's lock.

    Args:
        case: For the error.
        paths: Which files; None: all of the case.

    Returns:
        Path to its channels, in the order of the case.

    Raises:
        CaseError: A file is missing or broken.
    """
    paths = case.files if paths is None else paths
    if not paths:
        return {}
    try:
        with ThreadPoolExecutor(len(paths)) as pool:
            read = partial(nifti.read_channels, orientation=case.orientation)
            return dict(zip(paths, pool.map(read, paths), strict=True))
    except FileError as error:
        raise CaseError(case.id, file=error.file, expected=error.expected, found=error.found) from error


def expected_channels(case: Case) -> dict[Path, int]:
    """How many volumes each file should hold: as many as the case takes from it."""
    taken = [file.path for file in case.modalities.values()]
    return {path: max(taken.count(path), 1) for path in case.files}


def _fill(
    image: NDArray[np.float32],
    case: Case,
    volumes: Mapping[Path, Sequence[nifti.Volume]],
    on_missing: OnMissing,
    notes: list[Problem],
) -> tuple[str, ...]:
    """Put every sequence in its channel, in threads; returns those that are not there or hold nothing."""

    def fill(name: str) -> bool:
        file = case.modalities[name]
        array = volumes[file.path][file.channel].array
        if on_missing == "zero" and not array.any():
            return False
        array, problems = examined(file.path, name, array)
        notes.extend(_raise_errors(case, problems))
        image[MODALITIES.index(name)] = array
        return True

    with ThreadPoolExecutor(len(MODALITIES)) as pool:
        filled = dict(zip(case.modalities, pool.map(fill, case.modalities), strict=True))
    return tuple(name for name in MODALITIES if not filled.get(name))


def _raise_errors(case: Case, problems: Iterable[Problem]) -> Iterator[Problem]:
    """The notes among the problems; the first error is raised."""
    for problem in problems:
        if problem.level == "error":
            raise problem.error(case)
        yield problem


def _raise_first(case: Case, problems: Iterable[Problem]) -> None:
    for problem in problems:
        raise problem.error(case)
