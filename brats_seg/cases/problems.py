"""What can be wrong with headers, voxels and labels: each rule once, for reading and for checking.

Covered by tests/cases/test_check.py and test_read.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.cases.case import Case, Finding, Level
from brats_seg.cases.data_sets import find_data_set
from brats_seg.errors import CaseError
from brats_seg.labels import LABEL_VALUES, label_values, unknown_values
from brats_seg.nifti import Geometry, corner_distance_mm, same_space

SPACING_TOLERANCE_MM = 0.005
LEAST_BACKGROUND = 0.01
"""Share of zeros below which there is no background.

Real cases have 0.82 to 0.85, one cropped to its brain about 0.5.
"""
LARGEST_BRAIN_MM3 = 2_500_000
"""More than any brain (real cases reach 1.6 litres), less than a head with its skull (4 litres and up)."""
LARGEST_VALUE = float(np.finfo(np.float32).max) ** 0.5
"""Sums of squares of a larger value leave float32; no scanner comes near it."""
RESAMPLE = "resample and co-register to 1 mm with the BraTS toolkit, CaPTk or ANTs"
STRIP = "strip the skull with HD-BET, the BraTS toolkit or CaPTk"

SET_LABELS = "data.labels=NAME (evaluate, report: labels.references=NAME)"
"""How the user names the label values."""


@dataclass(frozen=True)
class Problem:
    """One broken expectation."""

    file: Path | None
    expected: str
    found: str
    level: Level = "error"

    def error(self, case: Case) -> CaseError:
        """As the exception that stops the work."""
        return CaseError(case.id, expected=self.expected, found=self.found, file=self.file)

    def finding(self, case: Case) -> Finding:
        """As a row of the check's table."""
        return Finding(case.id, self.file, self.level, f"expected {self.expected}, found {self.found}")


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
            yield Problem(path, "voxels of 1 mm", f"{sizes} mm (z, y, x); {RESAMPLE}")
        if geometry.shape != reference.shape:
            expected = f"the shape of {first.name}, {reference.shape} (z, y, x)"
            yield Problem(path, expected, f"{geometry.shape}; {RESAMPLE}")
        elif not same_space(geometry, reference):
            distance = corner_distance_mm(geometry, reference)
            found = f"one that lies up to {distance:.3g} mm away; {RESAMPLE}"
            yield Problem(path, f"the affine of {first.name}", found)


def orientation_note(geometries: Mapping[Path, Geometry]) -> Iterator[Problem]:
    """Files in another order than LPS: they are read, and predictions are written in their order."""
    others = {geometry.orientation for geometry in geometries.values()} - {"LPS"}
    if others:
        found = f"{', '.join(sorted(others))}; reoriented on reading, undone on output"
        yield Problem(None, "orientation LPS", found, "note")


def voxel_problems(path: Path, name: str, array: NDArray[Any]) -> Iterator[Problem]:
    """NaN, only zeros, no contrast or no background in one sequence.

    Args:
        path: Of the file.
        name: Of the modality.
        array: ``(z, y, x)``, scanner units.

    Yields:
        What is wrong.
    """
    if array.dtype.kind == "f":
        bad = array.size - int(np.count_nonzero(np.isfinite(array)))
        if bad:
            yield Problem(path, f"finite voxels in {name}", f"{bad} NaN or infinite ones")
            return
        extreme = max(float(array.max()), -float(array.min()))
        if extreme > LARGEST_VALUE:
            expected = f"voxels within the range of float32 in {name}"
            yield Problem(path, expected, f"values up to {extreme:.3g}")
            return
    inside = int(np.count_nonzero(array))
    if not inside:
        yield Problem(path, f"a brain in {name}", "only zeros")
        return
    if not _has_contrast(array):
        value = array.max() or array.min()
        yield Problem(path, f"contrast in {name}", f"the one value {value} in every non-zero voxel")
    elif inside > (1 - LEAST_BACKGROUND) * array.size or inside > LARGEST_BRAIN_MM3:
        found = f"{inside / array.size:.0%} of the voxels, {inside / 1e6:.1f} litres, non-zero; {STRIP}"
        yield Problem(path, f"zero background around the brain in {name}", found)


def label_problems(path: Path, label_map: NDArray[Any], name: str | None) -> Iterator[Problem]:
    """Unknown label values, or voxels of other values.

    Args:
        path: Of the label map.
        label_map: ``(z, y, x)``.
        name: Of its label values; None where neither the user nor the file names say.

    Yields:
        What is wrong.
    """
    data_set = find_data_set(path.name)
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


def outside_problems(path: Path, label_map: NDArray[Any], brain: NDArray[np.bool_]) -> Iterator[Problem]:
    """Labels where no sequence has signal. None of the 16 real cases that we looked at has such a voxel.

    Args:
        path: Of the label map.
        label_map: ``(z, y, x)``.
        brain: ``(z, y, x)``: where a sequence has signal.

    Yields:
        What is wrong.
    """
    outside = int(np.count_nonzero((label_map != 0) & ~brain))
    if outside:
        found = f"{outside} labelled voxels where every sequence is zero"
        yield Problem(path, "labels inside the brain only", found)


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
