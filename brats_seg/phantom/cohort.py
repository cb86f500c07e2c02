"""Write cases in the layout of BraTS 2020."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.errors import UserError, WrongValue, printable
from brats_seg.files import read_json, whole_folder, write_json
from brats_seg.geometry import Triple
from brats_seg.labels import LABEL_VALUES
from brats_seg.parallel import each
from brats_seg.phantom.anatomy import make_anatomy
from brats_seg.phantom.head import make_head
from brats_seg.phantom.scanner import acquire
from brats_seg.phantom.tumour import make_tumour
from brats_seg.seeds import seed_for

NO_ENHANCEMENT_EVERY = 8
MIN_SIDE = 32
LABELS = LABEL_VALUES["brats2020"]
RECORD = "phantom.json"
"""Beside the cases: the seed and the shape that they were made with."""


def make_case(
    number: int, *, seed: int, shape: Triple
) -> tuple[dict[str, NDArray[np.int16]], NDArray[np.uint8]]:
    """Images and label map of one case, a pure function of its number, the seed and the shape.

    Args:
        number: Of the case, from 1.
        seed: Of the cohort.
        shape: ``(z, y, x)`` voxels.

    Returns:
        Modality to ``(z, y, x)`` in scanner units, and the label map with BraTS 2020's values.
    """
    rng = np.random.default_rng(seed_for(seed, number, "phantom"))
    anatomy = make_anatomy(rng, shape)
    label_map = make_tumour(rng, anatomy, LABELS, enhancing=number % NO_ENHANCEMENT_EVERY != 0)
    return acquire(rng, anatomy, label_map, LABELS), label_map


def is_synthetic(file: Path) -> bool:
    """Whether a file lies in a folder that :func:`write_cohort` wrote, at any depth."""
    return any((folder / RECORD).is_file() for folder in file.absolute().parents)


def write_cohort(
    output: Path,
    *,
    cases: int,
    seed: int,
    shape: Triple,
    first: int = 1,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[str]:
    """Write ``<id>/<id>_{t1,t1ce,t2,flair,seg}.nii.gz``; cases that exist are kept.

    The id is ``BraTS20_Training_<number>``.

    Args:
        output: The cohort's folder.
        cases: How many.
        seed: Same seed, same bytes.
        shape: ``(z, y, x)`` voxels.
        first: Number of the first case.
        workers: Processes.
        progress: Called with (done, total).

    Returns:
        The ids.

    Raises:
        UserError: The volume is too small for a brain, or the folder cannot be written or holds another
            cohort.
    """
    _claim(output, cases, {"seed": seed, "shape": list(shape)})
    numbers = range(first, first + cases)
    return _write_cases(partial(_write_case, output, seed=seed, shape=shape), numbers, workers, progress)


def write_raw_cohort(
    output: Path,
    *,
    cases: int,
    seed: int,
    shape: Triple,
    first: int = 1,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[str]:
    """Write the cases of :func:`write_cohort` as a scanner gives them: with skull, each sequence on its own
    grid and moved a little.

    The segmentation, and ``brains/<id>_brain.nii.gz``, lie on the grid of the T1ce.

    Args:
        output: The cohort's folder.
        cases: How many.
        seed: Same seed, same bytes.
        shape: ``(z, y, x)`` voxels of the brain and what is around it.
        first: Number of the first case.
        workers: Processes.
        progress: Called with (done, total).

    Returns:
        The ids.

    Raises:
        UserError: As :func:`write_cohort`.
    """
    _claim(output, cases, {"seed": seed, "shape": list(shape), "skull": True})
    numbers = range(first, first + cases)
    return _write_cases(partial(_write_raw_case, output, seed=seed, shape=shape), numbers, workers, progress)


def _write_cases(
    write: Callable[[int], str], numbers: range, workers: int, progress: Callable[[int, int], None]
) -> list[str]:
    ids = []
    for case_id in each(write, numbers, workers):
        ids.append(case_id)
        progress(len(ids), len(numbers))
    return ids


def _claim(output: Path, cases: int, wanted: dict[str, Any]) -> None:
    """Record the settings of a new cohort, or compare them with those of the existing one."""
    if min(wanted["shape"]) < MIN_SIDE or cases < 1:
        needed = f"need at least 1 case and {MIN_SIDE} voxels a side"
        raise WrongValue(f"cases={cases} shape={wanted['shape']}: {needed}")
    record = output / RECORD
    if not record.exists():
        write_json(record, wanted)
        return
    held = read_json(record)
    if held != wanted:
        raise UserError(
            f"{output} holds a cohort of {printable(str(held))}, not {wanted}: choose another output=DIR"
        )


def _write_case(output: Path, number: int, *, seed: int, shape: Triple) -> str:
    case_id = f"BraTS20_Training_{number:03d}"
    folder = output / case_id
    if folder.is_dir():
        held = nifti.read_geometry(folder / f"{case_id}_seg.nii.gz").shape
        if held != shape:
            raise UserError(f"{folder} holds a case of shape {held}, not {shape}: choose another output=DIR")
        return case_id
    images, label_map = make_case(number, seed=seed, shape=shape)
    geometry = nifti.lps_geometry(shape)
    with whole_folder(folder) as temporary:
        for modality, image in images.items():
            nifti.write(temporary / f"{case_id}_{modality}.nii.gz", image, geometry)
        nifti.write(temporary / f"{case_id}_seg.nii.gz", label_map, geometry)
    return case_id


def _write_raw_case(output: Path, number: int, *, seed: int, shape: Triple) -> str:
    case_id = f"BraTS20_Training_{number:03d}"
    folder = output / case_id
    if folder.is_dir():
        return case_id
    images, label_map = make_case(number, seed=seed, shape=shape)
    head = make_head(images, label_map, np.random.default_rng(seed_for(seed, number, "head")))
    nifti.write(output / "brains" / f"{case_id}_brain.nii.gz", head.brain.array, head.brain.geometry)
    with whole_folder(folder) as temporary:
        for name, volume in (head.images | {"seg": head.label_map}).items():
            nifti.write(temporary / f"{case_id}_{name}.nii.gz", volume.array, volume.geometry)
    return case_id
