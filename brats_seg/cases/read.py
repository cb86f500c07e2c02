"""Read one case into memory; whatever cannot be used stops here with one line."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.cases.case import Case, LoadedCase
from brats_seg.cases.problems import Problem, header_problems, label_problems, missing_modalities, voxel_problems
from brats_seg.errors import CaseError, FileError
from brats_seg.labels import convention
from brats_seg.terms import MODALITIES

OnMissing = Literal["refuse", "zero"]


def read_case(case: Case, *, on_missing_modality: OnMissing = "refuse", with_segmentation: bool = True) -> LoadedCase:
    """Read every sequence, and the segmentation where there is one.

    Args:
        case: As found on disk.
        on_missing_modality: ``"refuse"`` raises; ``"zero"`` fills the channel with zeros and says so in ``missing``.
        with_segmentation: False leaves the label map alone, which prediction has no use for.

    Raises:
        CaseError: A file is missing, broken, of another space or voxel size, not finite, empty, without zero background;
            or the labels are unknown, or their convention is.
    """
    if on_missing_modality == "refuse":
        _raise_first(case, missing_modalities(case))
    labels = case.segmentation if with_segmentation else None
    volumes = read_volumes(case, labels)
    _raise_first(case, header_problems({path: v[0].geometry for path, v in volumes.items()}, expected_channels(case, labels)))
    geometry = next(iter(volumes.values()))[0].geometry
    image = np.zeros((len(MODALITIES), *geometry.shape), np.float32)
    missing = [name for name in MODALITIES if not _fill(case, name, image, volumes, on_missing_modality)]
    if len(missing) == len(MODALITIES):
        raise CaseError(case.id, expected="a brain", found="only zeros in every modality")
    label_map = None if labels is None else _label_map(case, labels, volumes[labels][0].array)
    return LoadedCase(case, image, label_map, geometry, tuple(missing))


def expected_channels(case: Case, labels: Path | None) -> dict[Path, int]:
    """Every file of the case, first modality first, and how many volumes it should hold."""
    paths = [case.modalities[name].path for name in MODALITIES if name in case.modalities] + ([labels] if labels else [])
    return {path: paths.count(path) for path in paths}


def read_volumes(case: Case, labels: Path | None) -> dict[Path, list[nifti.Volume]]:
    """Every file of the case once, in threads: unzipping lets go of the interpreter.

    Raises:
        CaseError: A file cannot be read.
    """
    paths = list(expected_channels(case, labels))
    try:
        with ThreadPoolExecutor(max(len(paths), 1)) as pool:
            return dict(zip(paths, pool.map(nifti.read_channels, paths), strict=True))
    except FileError as error:
        raise CaseError(case.id, file=error.file, expected=error.expected, found=error.found) from error


def _fill(
    case: Case, name: str, image: NDArray[np.float32], volumes: dict[Path, list[nifti.Volume]], on_missing: OnMissing
) -> bool:
    """Put one sequence in its channel; False where there is nothing to put."""
    if name not in case.modalities:
        return False
    file = case.modalities[name]
    array = volumes[file.path][file.channel].array
    if on_missing == "zero" and not array.any():
        return False
    _raise_first(case, voxel_problems(file.path, name, array))
    image[MODALITIES.index(name)] = array
    return True


def _label_map(case: Case, path: Path, array: NDArray[Any]) -> NDArray[np.uint8]:
    if case.convention is None:
        raise CaseError(case.id, file=path, expected="data.convention=NAME for its labels", found="a naming that does not tell")
    _raise_first(case, label_problems(path, array, convention(case.convention)))
    return array.astype(np.uint8, copy=False)


def _raise_first(case: Case, problems: Iterable[Problem]) -> None:
    for problem in problems:
        raise problem.error(case)
