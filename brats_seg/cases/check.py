"""What is wrong with a case: everything, not only the first thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from brats_seg import nifti
from brats_seg.cases.case import Case
from brats_seg.cases.read import check_same_space, check_spacing, checked_shape
from brats_seg.errors import CaseError, UserError
from brats_seg.labels import convention, unknown_values
from brats_seg.terms import MODALITIES

MIN_BACKGROUND = 0.05
"""A skull-stripped BraTS volume is about 84 % zeros; one below this share still has its skull or its background noise."""


@dataclass(frozen=True)
class Finding:
    """One problem of one case.

    Attributes:
        case_id: Which case.
        file: Which file, or empty where no file is to blame.
        level: An error makes the case unusable, a note does not.
        message: Expected and found.
    """

    case_id: str
    file: str
    level: Literal["error", "note"]
    message: str


def check_headers(cases: Sequence[Case]) -> None:
    """The cheap check before long work: presence, readability, shape, affine and spacing, from the headers alone.

    Raises:
        UserError: One line per case that cannot be used.
    """
    problems = []
    for case in cases:
        try:
            if missing := [m for m in MODALITIES if m not in case.modalities]:
                raise CaseError(case.id, expected=f"modalities {', '.join(MODALITIES)}", found=f"no {', '.join(missing)}")
            checked_shape(case)
        except CaseError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))


def inspect_case(case: Case) -> list[Finding]:
    """Read everything of one case once and list every problem."""
    found: list[Finding] = []

    def report(level: Literal["error", "note"], file: object, message: str) -> None:
        found.append(Finding(case.id, str(file), level, message))

    for kind, paths in case.duplicates.items():
        for path in paths:
            report("error", path, f"a second file for {kind}")
    if missing := [m for m in MODALITIES if m not in case.modalities]:
        report("error", "", f"expected modalities {', '.join(MODALITIES)}, found no {', '.join(missing)}")
    first: nifti.Geometry | None = None
    brain: np.ndarray | None = None
    for file in case.modalities.values():
        volume = _try(report, file.path, lambda f=file: nifti.read(f.path, f.channel))  # type: ignore[misc]
        if volume is None:
            continue
        if first is None:
            first = volume.geometry
            if first.orientation != "LPS":
                report("note", file.path, f"orientation {first.orientation}: reoriented to LPS on reading, undone on output")
        if _same_space(report, case, file.path, first, volume.geometry):
            _inspect_voxels(report, file.path, volume.array)
            inside = volume.array != 0
            brain = inside if brain is None else brain | inside
    if case.segmentation is not None:
        _inspect_labels(report, case, first, brain)
    return found


Report = Callable[[Literal["error", "note"], object, str], None]


def _try(report: Report, path: object, read: Callable[[], nifti.Volume]) -> nifti.Volume | None:
    try:
        return read()
    except UserError as error:
        report("error", path, str(error).removeprefix(f"{path}: "))
        return None


def _same_space(report: Report, case: Case, path: object, first: nifti.Geometry, found: nifti.Geometry) -> bool:
    try:
        check_spacing(case, "", found)
        check_same_space(case, "", first, found)
    except CaseError as error:
        report("error", path, error.reason)
        return bool(found.shape == first.shape)
    return True


def _inspect_voxels(report: Report, path: object, array: np.ndarray) -> None:
    if array.dtype.kind == "f" and (bad := int((~np.isfinite(array)).sum())):
        report("error", path, f"expected finite voxels, found {bad} NaN or infinite")
        return
    if array.min() == array.max():
        report("error", path, f"expected a brain, found one value everywhere ({array.flat[0]:g})")
        return
    if (share := float((array == 0).mean())) < MIN_BACKGROUND:
        report("error", path, f"expected a skull-stripped brain on zeros, found {share:.1%} zeros")


def _inspect_labels(report: Report, case: Case, first: nifti.Geometry | None, brain: np.ndarray | None) -> None:
    path = case.segmentation
    assert path is not None
    volume = _try(report, path, lambda: nifti.read(path))
    if volume is None or (first is not None and not _same_space(report, case, path, first, volume.geometry)):
        return
    if case.convention is None:
        report("error", path, "expected a known label convention, found none told by the naming; give data.convention=NAME")
        return
    known = convention(case.convention)
    if unknown := unknown_values(volume.array, known):
        report("error", path, f"expected labels {known.values} of {known.name}, found also {unknown}")
    if not volume.array.any():
        report("note", path, "no tumour labelled")
    elif brain is not None and (outside := int(((volume.array != 0) & ~brain).sum())):
        share = outside / int((volume.array != 0).sum())
        report("error" if share > 0.01 else "note", path, f"{outside} labelled voxels ({share:.2%}) lie outside the brain")
