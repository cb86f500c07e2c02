"""What can be wrong with headers, voxels and labels: each rule once, for reading and for checking.

Covered by tests/cases/test_check.py and test_read.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.cases.brain import background_problem, without_halo
from brats_seg.cases.case import Case
from brats_seg.cases.data_sets import find_data_set
from brats_seg.cases.problem import Problem
from brats_seg.labels import LABEL_VALUES, label_values, unknown_values
from brats_seg.nifti import Geometry, corner_distance_mm, same_space

SPACING_TOLERANCE_MM = 0.005
LARGEST_VALUE = float(np.finfo(np.float32).max) ** 0.5
"""Sums of squares of a larger value leave float32; no scanner comes near it."""
RESAMPLE = "resample and co-register to 1 mm with the BraTS toolkit, CaPTk or ANTs"
SET_LABELS = "data.labels=NAME (evaluate, report: labels.references=NAME)"
"""How the user names the label values."""


def missing_modalities(case: Case) -> Iterator[Problem]:
    """Sequences that are not there."""
    if case.missing:
        there = f"only {', '.join(case.modalities)}" if case.modalities else "none"
        yield Problem(None, f"a file for {', '.join(case.missing)}", there)


def header_problems(geometries: Mapping[Path, Geometry], channels: Mapping[Path, int]) -> Iterator[Problem]:
    """Number of channels, voxel size, and agreement with the first file.

    Args:
        geometries: Of every file of one case that has a readable header, the first modality first.
        channels: How many volumes each file should hold.

    Yields:
        What is wrong.
    """
    if not geometries:
        return
    first, reference = next(iter(geometries.items()))
    for path, geometry in geometries.items():
        if geometry.channels != channels[path]:
            yield Problem(path, _volumes(channels[path]), _volumes(geometry.channels))
        if max(abs(size - 1) for size in geometry.spacing_mm) > SPACING_TOLERANCE_MM:
            sizes = " x ".join(f"{size:.4g}" for size in geometry.spacing_mm)
            sizes += " mm (z, y, x)"
            if geometry.unit != "mm":
                sizes += f" (the header's unit is {geometry.unit}; set it to mm if that is wrong)"
            yield Problem(path, "voxels of 1 mm", f"{sizes}; {RESAMPLE}")
        if geometry.shape != reference.shape:
            expected = f"the shape of {first.name}, {reference.shape} (z, y, x)"
            yield Problem(path, expected, f"{geometry.shape}; {RESAMPLE}")
        elif not same_space(geometry, reference):
            yield Problem(path, f"the affine of {first.name}", _elsewhere(geometry, reference, first.name))


def header_notes(geometries: Mapping[Path, Geometry]) -> Iterator[Problem]:
    """What is worth knowing of the headers: one note for all files of which it is true.

    Args:
        geometries: Of every file of one case that has a readable header.

    Yields:
        Notes.
    """
    said: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path, geometry in geometries.items():
        for note in geometry.notes:
            said[note].append(path)
    for (expected, found), paths in said.items():
        everywhere = len(paths) == len(geometries) > 1
        yield Problem(None if everywhere else paths[0], expected, found, "note")


def orientation_note(geometries: Mapping[Path, Geometry]) -> Iterator[Problem]:
    """Files in another order than LPS: they are read, and predictions are written in their order."""
    others = {geometry.orientation for geometry in geometries.values() if geometry.told} - {"LPS"}
    if others:
        found = f"{', '.join(sorted(others))}; reoriented on reading, undone on output"
        yield Problem(None, "orientation LPS", found, "note")


def examined(path: Path, name: str, array: NDArray[Any]) -> tuple[NDArray[Any], list[Problem]]:
    """One sequence, with zeros where it is nearly zero, and what is wrong with it.

    That is NaN, values that float32 cannot hold, only zeros, no contrast, or no background.

    Args:
        path: Of the file.
        name: Of the modality.
        array: ``(z, y, x)``, scanner units.

    Returns:
        The sequence as it is used, and its problems: an error and notes at most.
    """
    unusable = _unusable_values(path, name, array)
    if unusable is not None:
        return array, [unusable]
    array, notes = without_halo(path, name, array)
    if not array.any():
        return array, [Problem(path, f"a brain in {name}", "only zeros")]
    if not _has_contrast(array):
        value = array.max() or array.min()
        found = f"the one value {value} in every non-zero voxel"
        return array, [Problem(path, f"contrast in {name}", found)]
    background = background_problem(path, name, array)
    return array, [background, *notes] if background else notes


def _unusable_values(path: Path, name: str, array: NDArray[Any]) -> Problem | None:
    if array.dtype.kind != "f":
        return None
    bad = array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        found = f"{bad} NaN or infinite ones; set them to 0 if they are the background"
        return Problem(path, f"finite voxels in {name}", found)
    extreme = max(float(array.max()), -float(array.min()))
    if extreme > LARGEST_VALUE:
        return Problem(path, f"voxels within the range of float32 in {name}", f"values up to {extreme:.3g}")
    return None


def label_problems(case: Case, label_map: NDArray[Any]) -> Iterator[Problem]:
    """Unknown label values, or voxels of other values.

    Args:
        case: Whose truth it is.
        label_map: ``(z, y, x)``.

    Yields:
        What is wrong.
    """
    path, name = case.segmentation, case.labels
    data_set = find_data_set(case.id)
    if name is None and data_set is not None:
        yield Problem(path, "known label values", f"those of the {data_set.name} data set: {data_set.remark}")
        return
    if name is None:
        found = f"file names that do not imply any; set {SET_LABELS} to one of {', '.join(LABEL_VALUES)}"
        yield Problem(path, "known label values", found)
        return
    known = label_values(name)
    unknown = unknown_values(label_map, known)
    if unknown:
        values = ", ".join(f"{value:g}" for value in unknown[:8])
        fix = f"set {SET_LABELS} if they are others (brats2024 has 4, the resection cavity)"
        yield Problem(path, f"the label values {known.values} of {name}", f"{values}; {fix}")


def _elsewhere(geometry: Geometry, reference: Geometry, first: str) -> str:
    """What a file of the right shape has in place of the first file's affine, and the remedy."""
    copy = f"where the voxels lie alike (look at both), copy the header of {first} (fslcpgeom, or nibabel)"
    by_qform = geometry.by_qform
    if not geometry.told and reference.told:
        return f"none (sform and qform codes are 0), though the shape is the same; {copy}"
    distance = f"one that lies up to {corner_distance_mm(geometry, reference):.3g} mm away"
    if by_qform is not None and same_space(by_qform, reference):
        return (
            f"{distance} in its sform, while its qform agrees; copy the qform to the sform if that is right"
        )
    return f"{distance}, though the shape is the same; {copy}, else {RESAMPLE}"


def _volumes(count: int) -> str:
    return "one 3-D volume" if count == 1 else f"{count} volumes in a 4-D file"


def _has_contrast(array: NDArray[Any]) -> bool:
    """Whether two non-zero voxels differ: known after the first slices of any brain."""
    seen = array[:0].ravel()
    for plane in array:
        seen = np.concatenate([seen[:1], plane[plane != 0]])
        if (seen != seen[:1]).any():
            return True
    return False
