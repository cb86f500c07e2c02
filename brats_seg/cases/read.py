"""Read a case into memory, or say in one line why it cannot be used."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.cases.case import Case, LoadedCase
from brats_seg.errors import CaseError, UserError
from brats_seg.geometry import Triple
from brats_seg.labels import convention, unknown_values
from brats_seg.terms import MODALITIES

SPACING_TOLERANCE_MM = 0.02
AFFINE_TOLERANCE = 1e-2
"""Millimetres; exporters round."""


def read_case(case: Case, *, on_missing_modality: Literal["refuse", "zero"] = "refuse", with_segmentation: bool = True) -> LoadedCase:
    """Read every sequence and the segmentation, reoriented to LPS.

    Args:
        case: Which.
        on_missing_modality: ``"zero"`` fills a missing sequence with zeros.
        with_segmentation: Whether to read the label map.

    Raises:
        CaseError: Anything that would make the result wrong; says case, file, expected and found.
    """
    missing = tuple(m for m in MODALITIES if m not in case.modalities)
    if case.duplicates:
        kind, paths = next(iter(case.duplicates.items()))
        raise CaseError(case.id, file=paths[0], expected=f"one file for {kind}", found="a second one")
    if not case.modalities or (missing and on_missing_modality == "refuse"):
        raise CaseError(case.id, expected=f"modalities {', '.join(MODALITIES)}", found=f"no {', '.join(missing)}")
    first, image = None, None
    for modality, file in case.modalities.items():
        volume = _read(case, file.path, file.channel)
        if first is None or image is None:
            first, image = volume.geometry, np.zeros((len(MODALITIES), *volume.array.shape), np.float32)
            check_spacing(case, str(file.path), first)
        check_same_space(case, str(file.path), first, volume.geometry)
        image[MODALITIES.index(modality)] = volume.array
    assert first is not None and image is not None
    _check_voxels(case, image)
    label_map = _label_map(case, first) if with_segmentation and case.segmentation is not None else None
    return LoadedCase(case, image, label_map, first, missing)


def check_spacing(case: Case, file: str, geometry: nifti.Geometry) -> None:
    """Refuse voxels that are not 1 mm cubes."""
    if any(abs(s - 1) > SPACING_TOLERANCE_MM for s in geometry.spacing_mm):
        found = " x ".join(f"{s:.3g}" for s in geometry.spacing_mm)
        fix = "1 mm cubic voxels (resample and co-register first, for instance with BraTS Toolkit, CaPTk or ANTs)"
        raise CaseError(case.id, file=file, expected=fix, found=f"{found} mm (z, y, x)")


def check_same_space(case: Case, file: str, expected: nifti.Geometry, found: nifti.Geometry) -> None:
    """Refuse a file whose shape, orientation or affine is not that of the case's first."""
    if found.shape != expected.shape:
        raise CaseError(case.id, file=file, expected=f"shape {expected.shape} like the first modality", found=f"{found.shape}")
    if _lps_affine(found) is None or not np.allclose(_lps_affine(expected), _lps_affine(found), atol=AFFINE_TOLERANCE):
        raise CaseError(case.id, file=file, expected="the affine of the first modality (co-registered)", found=f"{found.affine.round(3).tolist()}")


def _lps_affine(geometry: nifti.Geometry) -> NDArray[np.float64]:
    """Affine after reorientation to LPS, so that files stored in different orders can still share a space."""
    turn = nifti.axes.ornt_transform(nifti.axes.io_orientation(geometry.affine), nifti.LPS)
    undo: NDArray[np.float64] = nifti.axes.inv_ornt_aff(turn, geometry.header.get_data_shape()[:3])
    return geometry.affine @ undo


def _read(case: Case, path: object, channel: int = 0) -> nifti.Volume:
    try:
        return nifti.read(path, channel)  # type: ignore[arg-type]
    except UserError as error:
        raise CaseError(case.id, expected="a readable volume", found=str(error)) from error


def _check_voxels(case: Case, image: NDArray[np.float32]) -> None:
    for modality, channel in zip(MODALITIES, image, strict=True):
        if modality not in case.modalities:
            continue
        file = case.modalities[modality].path
        total = float(channel.sum(dtype=np.float64))
        if not np.isfinite(total):
            bad = int((~np.isfinite(channel)).sum())
            raise CaseError(case.id, file=file, expected="finite voxels", found=f"{bad} NaN or infinite")
        if channel.min() == channel.max():
            raise CaseError(case.id, file=file, expected="a brain", found=f"one value everywhere ({channel.flat[0]:g})")


def _label_map(case: Case, geometry: nifti.Geometry) -> NDArray[np.uint8]:
    volume = _read(case, case.segmentation)
    check_same_space(case, str(case.segmentation), geometry, volume.geometry)
    if case.convention is None:
        raise CaseError(case.id, file=case.segmentation, expected="a known label convention", found="none told by the naming; give data.convention=NAME")
    known = convention(case.convention)
    if unknown := unknown_values(volume.array, known):
        raise CaseError(case.id, file=case.segmentation, expected=f"labels {known.values} of {known.name}", found=f"also {unknown}")
    return volume.array.astype(np.uint8)


def checked_shape(case: Case) -> Triple:
    """Shape ``(z, y, x)`` of a case after the cheap checks of its headers.

    Raises:
        CaseError: As :func:`read_case`, from the headers alone.
    """
    first = None
    files = [*(f.path for f in case.modalities.values()), *([case.segmentation] if case.segmentation else [])]
    for path in dict.fromkeys(files):
        try:
            geometry = nifti.read_geometry(path)
        except UserError as error:
            raise CaseError(case.id, expected="a readable volume", found=str(error)) from error
        first = first or geometry
        check_spacing(case, str(path), geometry)
        check_same_space(case, str(path), first, geometry)
    assert first is not None
    return first.shape
