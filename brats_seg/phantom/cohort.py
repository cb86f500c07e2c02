"""Write cases in the layout of BraTS 2020."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.errors import UserError, WrongValue
from brats_seg.files import whole_folder, write_json
from brats_seg.geometry import Triple
from brats_seg.labels import LABEL_VALUES
from brats_seg.phantom.anatomy import make_anatomy
from brats_seg.phantom.scanner import acquire
from brats_seg.phantom.tumour import make_tumour
from brats_seg.seeds import seed_for

NO_ENHANCEMENT_EVERY = 8
MIN_SIDE = 32
LABELS = LABEL_VALUES["brats2020"]
RECORD = "phantom.json"
"""Beside the cases: what they are a function of, besides their numbers."""


def make_case(
    number: int, *, seed: int, shape: Triple
) -> tuple[dict[str, NDArray[np.int16]], NDArray[np.uint8]]:
    """Images and label map of one case, a pure function of its number, the seed and the shape."""
    rng = np.random.default_rng(seed_for(seed, number, "phantom"))
    anatomy = make_anatomy(rng, shape)
    label_map = make_tumour(rng, anatomy, LABELS, enhancing=number % NO_ENHANCEMENT_EVERY != 0)
    return acquire(rng, anatomy, label_map, LABELS), label_map


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
    """Write ``<id>/<id>_{t1,t1ce,t2,flair,seg}.nii.gz``, id ``BraTS20_Training_<number>``; cases that are there are kept.

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
        UserError: A volume too small to hold a brain, or a folder that cannot be written or holds another cohort.
    """
    if min(shape) < MIN_SIDE or cases < 1:
        raise WrongValue(
            f"cases={cases} shape={list(shape)}: need at least 1 case and {MIN_SIDE} voxels a side"
        )
    _claim(output, seed, shape)
    numbers = range(first, first + cases)
    write = partial(_write_case, output, seed=seed, shape=shape)
    ids = []
    if workers < 2 or cases < 2:
        for done, number in enumerate(numbers, 1):
            ids.append(write(number))
            progress(done, cases)
        return ids
    with ProcessPoolExecutor(min(workers, cases), mp_context=get_context("spawn")) as pool:
        for done, case_id in enumerate(pool.map(write, numbers), 1):
            ids.append(case_id)
            progress(done, cases)
    return ids


def _claim(output: Path, seed: int, shape: Triple) -> None:
    """Write down what makes the cohort, or hold it against what made the cases that are there."""
    record, wanted = output / RECORD, {"seed": seed, "shape": list(shape)}
    if not record.exists():
        write_json(record, wanted)
        return
    try:
        held = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{record}: expected JSON ({error}); choose another output=DIR") from error
    if held != wanted:
        raise UserError(f"{output} holds a cohort of {held}, not {wanted}: choose another output=DIR")


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
