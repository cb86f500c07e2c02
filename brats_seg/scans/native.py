"""Label maps back on the T1ce's own grid."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from brats_seg import nifti
from brats_seg.errors import FileError, UserError
from brats_seg.files import read_object, refuse_foreign, says, write_json
from brats_seg.labels import LabelValues, decode_regions, encode_regions
from brats_seg.scans.aligned_folder import AlignedFolder
from brats_seg.scans.images import resample, to_array, to_itk
from brats_seg.scans.one_case import TO_T1CE

REMEDY = "move it away, or give overwrite=true"
FAR_MM = 10.0
"""Distances are cut here: farther away they only have to keep their sign."""


def resample_labels(
    label_map: nifti.Volume, like: nifti.Geometry, transform: Any, labels: LabelValues
) -> NDArray[np.uint8]:
    """A label map on another grid: each region by its signed distance, so that edges keep their place.

    Args:
        label_map: ``(z, y, x)``.
        like: Of the grid that is wanted.
        transform: From points of the wanted grid to points of the label map, as SimpleITK has it.
        labels: What the values mean, before and after.

    Returns:
        ``(z, y, x)``, uint8.
    """
    grid = to_itk(np.zeros(like.shape, np.uint8), like)
    source = label_map.geometry
    regions = []
    for region in encode_regions(label_map.array, labels):
        distance = to_itk(signed_distance_mm(region, source.spacing_mm) + FAR_MM, source)
        # Outside the source resampling gives 0, which is as far outside as can be.
        regions.append(to_array(resample(distance, grid, transform)) > FAR_MM)
    return decode_regions(np.stack(regions), labels)


def signed_distance_mm(
    region: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Distance to the surface of a region, positive inside, at most :data:`FAR_MM`.

    Args:
        region: ``(z, y, x)``.
        spacing_mm: Of a voxel, along ``(z, y, x)``.

    Returns:
        Millimetres; everywhere as far outside as can be for an empty region.
    """
    if not region.any():
        return np.full(region.shape, -FAR_MM, np.float32)
    inside = distance_transform_edt(region, spacing_mm)
    outside = distance_transform_edt(~region, spacing_mm)
    return np.asarray(np.clip(inside - outside, -FAR_MM, FAR_MM), np.float32)


def to_native(label_map: nifti.Volume, folder: AlignedFolder, labels: LabelValues) -> NDArray[np.uint8]:
    """A label map of an aligned case on the T1ce's own grid.

    Args:
        label_map: In the space of the aligned sequences.
        folder: Of the aligned case.
        labels: What the values mean.

    Returns:
        ``(z, y, x)`` in LPS, uint8.

    Raises:
        UserError: The label map lies somewhere else, or the alignment is not complete.
    """
    target = nifti.read_geometry(folder.brain)
    if not nifti.same_space(label_map.geometry, target):
        raise UserError(f"case {folder.case_id}: the label map does not lie in the space of the aligned case")
    back = folder.read_transform(TO_T1CE).GetInverse()
    return resample_labels(label_map, nifti.read_geometry(folder.native_brain), back, labels)


def write_native(
    label_map: Path, target: Path, folder: AlignedFolder, labels: LabelValues, *, overwrite: bool = False
) -> None:
    """Write a label map of an aligned case on the T1ce's own grid, and a JSON beside it that names that T1ce.

    What was made of the same label map is kept.

    Args:
        label_map: In the space of the aligned sequences.
        target: ``<case id>.nii.gz``.
        folder: Of the aligned case.
        labels: What the values mean.
        overwrite: Replace a file that is there and that this function has not written, or that was changed
            since.

    Raises:
        UserError: The label map does not lie where its case does, something else lies at the target, or
            nothing can be written.
    """
    record = target.with_name(f"{folder.case_id}.json")
    volume, held = nifti.read(label_map), read_object(record)
    ours = [each for each in (held.get("sum"), held.get("replaced")) if isinstance(each, str)]
    now = _sum_of_file(target)
    outputs = {target: lambda _: now in ours, record: says('"made_of"', '"sum"')}
    refuse_foreign(outputs, overwrite=overwrite, remedy=REMEDY)
    made = {"labels": {"convention": labels.name}, "made_of": volume.sha256, "inputs": _inputs(folder)}
    if now == held.get("sum") and all(held.get(key) == value for key, value in made.items()):
        return
    array = to_native(volume, folder, labels)
    told = {"schema": 1, "case": folder.case_id, **made, "sum": _sum(array), "replaced": now}
    write_json(record, told)  # first: what a killed run leaves is known for its own, old or new
    nifti.write(target, array, nifti.read_geometry(folder.native_brain))


def _inputs(folder: AlignedFolder) -> Any:
    """The raw T1ce, as the alignment names it."""
    return read_object(folder.record).get("inputs", {})


def _sum_of_file(path: Path) -> str | None:
    """Of a label map; None where there is none."""
    try:
        return _sum(nifti.read(path).array)
    except FileError:
        return None


def _sum(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
