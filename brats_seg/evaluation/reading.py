"""Read what is compared, and refuse what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brats_seg import nifti
from brats_seg.errors import CaseError, FileError
from brats_seg.evaluation.pairs import LabelMap
from brats_seg.labels import label_values, unknown_values


def read_label_map(case: str, label_map: LabelMap, like: nifti.Volume | None = None) -> nifti.Volume:
    """Read a label map.

    Raises:
        CaseError: As :func:`read_volume`, or a value that the convention lacks.
    """
    volume = read_volume(case, label_map.path, like)
    if (channels := volume.geometry.channels) != 1:
        raise CaseError(case, file=label_map.path, expected="one label map", found=f"{channels} volumes")
    known = label_values(label_map.labels)
    if unknown := unknown_values(volume.array, known):
        found = f"also {', '.join(f'{value:g}' for value in unknown[:5])}"
        raise CaseError(
            case, file=label_map.path, expected=f"labels {known.values} of {known.name}", found=found
        )
    return volume


def read_volume(case: str, path: Path, like: nifti.Volume | None = None) -> nifti.Volume:
    """Read one volume.

    Args:
        case: Whose it is, for the message.
        path: ``.nii`` or ``.nii.gz``.
        like: The volume whose place in space it must have.

    Raises:
        CaseError: It cannot be read, or lies elsewhere.
    """
    try:
        volume = nifti.read(path)
    except FileError as error:
        raise CaseError(case, file=path, expected=error.expected, found=error.found) from error
    if like is not None:
        _same_space(case, path, volume.geometry, like.geometry)
    return volume


def _same_space(case: str, path: Path, found: nifti.Geometry, wanted: nifti.Geometry) -> None:
    if found.shape != wanted.shape:
        raise CaseError(
            case,
            file=path,
            expected=f"shape {wanted.shape} (z, y, x) of the reference",
            found=str(found.shape),
        )
    if not nifti.same_space(found, wanted):
        if found.spacing_mm != wanted.spacing_mm and not np.allclose(
            found.spacing_mm, wanted.spacing_mm, rtol=0, atol=0.01
        ):
            expected = f"spacing {_mm(wanted.spacing_mm)} of the reference"
            raise CaseError(case, file=path, expected=expected, found=_mm(found.spacing_mm))
        expected = f"the reference's affine, with origin {_mm(wanted.lps_affine[:3, 3])}"
        raise CaseError(
            case, file=path, expected=expected, found=f"another, with origin {_mm(found.lps_affine[:3, 3])}"
        )


def _mm(values: object) -> str:
    return f"({', '.join(f'{value:.4g}' for value in np.asarray(values))}) mm"
