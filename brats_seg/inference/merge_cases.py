"""Merge two prediction folders into a third. Covered by tests/inference/test_merge.py."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brats_seg import nifti
from brats_seg.artifacts.label_maps import read_record_beside, recorded_labels
from brats_seg.artifacts.prediction_folder import MERGED, SCHEMA, VERSIONS, PredictionFolder
from brats_seg.artifacts.prediction_tables import AGREEMENT, refuse_foreign_tables, write_tables
from brats_seg.artifacts.provenance import notice
from brats_seg.artifacts.recorded_bundles import recorded_bundles
from brats_seg.artifacts.recorded_images import MERGED_FROM, image_sums
from brats_seg.errors import CaseError, UserError
from brats_seg.files import write_json
from brats_seg.files.foreign import REMEDY
from brats_seg.inference.merge import merge_label_maps
from brats_seg.labels import LabelValues, label_values
from brats_seg.metrics.agreement import agreement
from brats_seg.metrics.volumes import volumes_ml


def merge_folders(
    a: Path, b: Path, output: Path, *, labels: str | None = None, overwrite: bool = False
) -> list[str]:
    """Merge every case of two prediction folders into a third.

    Args:
        a: Label maps of pipeline A, with a JSON beside each or ``labels`` given.
        b: Label maps of pipeline B, likewise.
        output: Where the merged maps go.
        labels: Name of the label values, where no JSON records them.
        overwrite: Replace a label map of other images, or one that this program has not written.

    Returns:
        The ids of the merged cases.

    Raises:
        UserError: Cases, spaces or label values do not match; the others are written all the same.
    """
    if output.resolve() in (a.resolve(), b.resolve()):
        raise UserError(f"output={output} is where the maps to be merged lie: choose another")
    in_a, in_b = PredictionFolder(a).label_map_files(), PredictionFolder(b).label_map_files()
    both = set(in_a) & set(in_b)
    if not both:
        raise UserError(f"{a} and {b} have no case in common: expected <case id>.nii.gz in both")
    refuse_foreign_tables(output, overwrite=overwrite)
    problems: list[str] = []
    for case_id in set(in_a) ^ set(in_b):
        problems.append(f"case {case_id}: in {a if case_id in in_a else b} only")
    merged = []
    for case_id in sorted(both):
        try:
            if not overwrite:
                _refuse_to_replace(case_id, (in_a[case_id], in_b[case_id]), PredictionFolder(output))
            _merge_case(case_id, in_a[case_id], in_b[case_id], PredictionFolder(output), labels)
            merged.append(case_id)
        except UserError as error:
            problems.append(_of_case(case_id, error))
    if merged:
        write_tables(output)
    if problems:
        raise UserError("\n".join(sorted(problems)))
    return merged


def _refuse_to_replace(case_id: str, sources: Sequence[Path], output: PredictionFolder) -> None:
    images: set[str] = set()
    for path in sources:
        images |= image_sums(read_record_beside(path))
    if why := output.why_not_to_replace(case_id, images):
        raise UserError(f"{why}; {REMEDY}")


def _of_case(case_id: str, error: UserError) -> str:
    return str(error) if isinstance(error, CaseError) else f"case {case_id}: {error}"


def _merge_case(case_id: str, a: Path, b: Path, output: PredictionFolder, given: str | None) -> None:
    first, second = nifti.read(a), nifti.read(b)
    labels = _common_labels(case_id, a, b, given)
    if not nifti.same_space(first.geometry, second.geometry):
        expected = "shape and affine of pipeline A's map"
        found = "another space; predict both from the same files"
        raise CaseError(case_id, file=b, expected=expected, found=found)
    merged = merge_label_maps(first.array, second.array, labels)
    begun = _make_record(case_id, {"a": a, "b": b})
    write_json(output.record(case_id), begun)  # so that a killed run's map is known for our own
    nifti.write(output.label_map(case_id), merged, first.geometry)
    volumes = volumes_ml(merged, labels, first.geometry.spacing_mm)
    alike = agreement(first.array, second.array, labels)
    told = {"labels": {"convention": labels.name}, "volumes_ml": volumes, AGREEMENT: alike}
    write_json(output.record(case_id), begun | told)


def _common_labels(case_id: str, a: Path, b: Path, given: str | None) -> LabelValues:
    names: list[str] = []
    for path in (a, b):
        name = given or recorded_labels(path)
        if name is None:
            expected = "its label values; give labels.predictions=NAME"
            raise CaseError(case_id, file=path, expected=expected, found="none")
        names.append(name)
    if names[0] != names[1]:
        expected = f"the same label values in both, {names[0]} as in {a.parent}"
        raise CaseError(case_id, expected=expected, found=f"{names[1]} in {b.parent}")
    return label_values(names[0])


def _make_record(case_id: str, sources: dict[str, Path]) -> dict[str, Any]:
    """What is known before the first file is written."""
    merged_from = {}
    warnings: list[str] = []
    provenances: list[dict[str, Any]] = []
    for pipeline, path in sources.items():
        record = read_record_beside(path)
        warnings += record.get("warnings", [])
        provenances += recorded_bundles(record)
        merged_from[pipeline] = {"folder": os.path.abspath(path.parent), **record}
    return {
        "schema": SCHEMA,
        "case": case_id,
        "pipeline": MERGED,
        "warnings": list(dict.fromkeys(warnings)),
        "notice": notice(provenances),
        MERGED_FROM: merged_from,
        "versions": VERSIONS,
    }
