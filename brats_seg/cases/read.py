"""Read one case into memory; whatever cannot be used stops here with one line."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.cases.case import Case, LoadedCase
from brats_seg.cases.problems import (
    Problem,
    header_problems,
    label_problems,
    missing_modalities,
    voxel_problems,
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

    Raises:
        CaseError: A file is missing, broken, of another space or voxel size, not finite, empty, without zero
            background; or the labels are unknown, or their labels is.
    """
    case = case if with_segmentation else replace(case, segmentation=None)
    if not case.modalities or on_missing_modality == "refuse":
        _raise_first(case, missing_modalities(case))
    volumes = _read_volumes(case)
    _raise_first(
        case, header_problems({path: v[0].geometry for path, v in volumes.items()}, expected_channels(case))
    )
    geometry = next(iter(volumes.values()))[0].geometry
    image = np.zeros((len(MODALITIES), *geometry.shape), np.float32)
    missing = _fill(image, case, volumes, on_missing_modality)
    if len(missing) == len(MODALITIES):
        raise CaseError(case.id, expected="a brain", found="only zeros in every modality")
    label_map = (
        None
        if case.segmentation is None
        else _label_map(case, case.segmentation, volumes[case.segmentation][0].array)
    )
    sha256 = {name: volumes[file.path][0].sha256 for name, file in case.modalities.items()}
    return LoadedCase(case, image, label_map, geometry, missing, sha256)


def expected_channels(case: Case) -> dict[Path, int]:
    """How many volumes each file should hold: as many as the case takes from it."""
    taken = [file.path for file in case.modalities.values()]
    return {path: max(taken.count(path), 1) for path in case.files}


def _read_volumes(case: Case) -> dict[Path, list[nifti.Volume]]:
    """Every file of the case, in threads: unzipping lets go of the interpreter."""
    try:
        with ThreadPoolExecutor(len(case.files)) as pool:
            return dict(zip(case.files, pool.map(nifti.read_channels, case.files), strict=True))
    except FileError as error:
        raise CaseError(case.id, file=error.file, expected=error.expected, found=error.found) from error


def _fill(
    image: NDArray[np.float32], case: Case, volumes: dict[Path, list[nifti.Volume]], on_missing: OnMissing
) -> tuple[str, ...]:
    """Put every sequence in its channel, in threads; those that are not there, or hold nothing, are answered."""

    def fill(name: str) -> bool:
        file = case.modalities[name]
        array = volumes[file.path][file.channel].array
        if on_missing == "zero" and not array.any():
            return False
        _raise_first(case, voxel_problems(file.path, name, array))
        image[MODALITIES.index(name)] = array
        return True

    with ThreadPoolExecutor(len(MODALITIES)) as pool:
        filled = dict(zip(case.modalities, pool.map(fill, case.modalities), strict=True))
    return tuple(name for name in MODALITIES if not filled.get(name))


def _label_map(case: Case, path: Path, array: NDArray[Any]) -> NDArray[np.uint8]:
    _raise_first(case, label_problems(path, array, case.labels))
    return array.astype(np.uint8)


def _raise_first(case: Case, problems: Iterable[Problem]) -> None:
    for problem in problems:
        raise problem.error(case)
