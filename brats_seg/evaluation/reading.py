"""Read volumes, and refuse those that cannot be compared. Covered by tests/evaluation/test_evaluation.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from brats_seg import nifti
from brats_seg.artifacts.label_maps import LabelMap
from brats_seg.errors import CaseError, FileError
from brats_seg.labels import label_values, unknown_values


def read_label_map(case: str, label_map: LabelMap, like: nifti.Volume | None = None) -> nifti.Volume:
    """Read a label map.

    Args:
        case: Id of the case, for the error.
        label_map: The file and the name of its label values.
        like: The volume whose place in space it must have; None: any.

    Returns:
        The label map, ``(z, y, x)`` in LPS.

    Raises:
        CaseError: As :func:`read_volume`, or the file holds several volumes or another label value.
    """
    volume = read_volume(case, label_map.path, like, label_map.orientation)
    channels = volume.geometry.channels
    if channels != 1:
        raise CaseError(case, file=label_map.path, expected="one label map", found=f"{channels} volumes")
    known = label_values(label_map.labels)
    unknown = unknown_values(volume.array, known)
    if unknown:
        expected = f"labels {known.values} of {known.name}"
        found = f"also {', '.join(f'{value:g}' for value in unknown[:5])}"
        raise CaseError(case, file=label_map.path, expected=expected, found=found)
    return replace(volume, array=volume.array.astype(np.uint8))  # some programs write label maps as floats


def read_volume(
    case: str, path: Path, like: nifti.Volume | None = None, orientation: str | None = None
) -> nifti.Volume:
    """Read one volume.

    Args:
        case: Id of the case, for the error.
        path: ``.nii`` or ``.nii.gz``.
        like: The volume whose place in space it must have; None: any.
        orientation: Of a file whose header tells no space; None: as nibabel takes it.

    Returns:
        The volume, ``(z, y, x)`` in LPS.

    Raises:
        CaseError: It cannot be read, or lies elsewhere.
    """
    try:
        volume = nifti.read(path, orientation=orientation)
    except FileError as error:
        raise CaseError(case, file=path, expected=error.expected, found=error.found) from error
    if like is not None:
        _refuse_elsewhere(case, path, volume.geometry, like.geometry)
    return volume


def _refuse_elsewhere(case: str, path: Path, found: nifti.Geometry, wanted: nifti.Geometry) -> None:
    if found.shape != wanted.shape:
        expected = f"shape {wanted.shape} (z, y, x) of the reference"
        raise CaseError(case, file=path, expected=expected, found=str(found.shape))
    if nifti.same_space(found, wanted):
        return
    away = f"a corner {nifti.corner_distance_mm(found, wanted):.4g} mm away"
    ours, theirs = _mm(found.spacing_mm), _mm(wanted.spacing_mm)
    if ours != theirs:
        away += f", with spacing {ours} instead of {theirs}"
    raise CaseError(case, file=path, expected="the place in space of the reference", found=away)


def _mm(spacing_mm: tuple[float, float, float]) -> str:
    z, y, x = spacing_mm
    return f"({z:.4g}, {y:.4g}, {x:.4g}) mm"
