"""Merge the label maps of pipelines A and B (section 2.6, second step). README.md has the truth table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.errors import CaseError, UserError
from brats_seg.files import write_json
from brats_seg.inference.record import SCHEMA, VERSIONS, recorded_convention, said, volumes_ml
from brats_seg.labels import LabelValues, label_values, unknown_values

MERGED = "merged"
"""What the answer of both pipelines together is called."""
BACKGROUND, NECROSIS, OEDEMA, ENHANCING = range(4)
"""Tissues in the order of :attr:`LabelValues.values`, so that the table holds for every convention."""

TABLE = np.array(
    # A: background  necrosis  oedema      enhancing
    [
        [BACKGROUND, NECROSIS, BACKGROUND, ENHANCING],  # B: background
        [BACKGROUND, NECROSIS, OEDEMA, ENHANCING],  # B: necrosis
        [OEDEMA, NECROSIS, OEDEMA, ENHANCING],  # B: oedema
        [BACKGROUND, NECROSIS, OEDEMA, ENHANCING],  # B: enhancing
    ],
    np.uint8,
)


def merge_label_maps(
    a: NDArray[np.integer], b: NDArray[np.integer], labels: LabelValues
) -> NDArray[np.uint8]:
    """A decides tumour core, B decides oedema against background.

    Args:
        a: Label map of pipeline A, any shape.
        b: Label map of pipeline B, same shape and convention.
        labels: Convention of both and of the result.

    Raises:
        UserError: Shapes differ, or a value is not in the convention.
    """
    if a.shape != b.shape:
        raise UserError(f"cannot merge label maps of shapes {a.shape} and {b.shape}")
    for name, values in (("A", a), ("B", b)):
        if unknown := unknown_values(values, labels):
            raise UserError(f"label map {name} holds {unknown}, expected {labels.values} of {labels.name}")
    tissue = np.zeros(max(labels.values) + 1, np.intp)
    tissue[list(labels.values)] = range(len(labels.values))
    merged: NDArray[np.uint8] = np.array(labels.values, np.uint8)[TABLE[tissue[b], tissue[a]]]
    return merged


def merge_folders(a: Path, b: Path, output: Path, *, labels: str | None = None) -> list[str]:
    """Merge every case of two prediction folders into a third.

    Args:
        a: ``<case id>.nii.gz`` of pipeline A, with ``<case id>.json`` beside it or ``labels`` given.
        b: Likewise of pipeline B.
        output: Where the merged maps go.
        labels: Convention, where no JSON tells it.

    Returns:
        The ids of the merged cases.

    Raises:
        UserError: Cases, geometries or conventions do not match; the others are written all the same.
    """
    if output.resolve() in (a.resolve(), b.resolve()):
        raise UserError(f"output={output} is where the maps to be merged lie: choose another")
    in_a, in_b = _cases(a), _cases(b)
    if not in_a & in_b:
        raise UserError(f"{a} and {b} have no case in common: expected <case id>.nii.gz in both")
    problems = [f"case {case_id}: in {a if case_id in in_a else b} only" for case_id in in_a ^ in_b]
    merged = []
    for case_id in sorted(in_a & in_b):
        try:
            _merge_case(case_id, a, b, output, labels)
            merged.append(case_id)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(sorted(problems)))
    return merged


def _cases(folder: Path) -> set[str]:
    return {
        path.name.removesuffix(".nii.gz") for path in folder.glob("*.nii.gz") if not path.name.startswith(".")
    }


def _merge_case(case_id: str, a: Path, b: Path, output: Path, given: str | None) -> None:
    first, second = (nifti.read(folder / f"{case_id}.nii.gz") for folder in (a, b))
    labels, other = (recorded_convention(folder, case_id, given) for folder in (a, b))
    if labels != other:
        raise CaseError(
            case_id, expected=f"one label convention, {labels} as in {a}", found=f"{other} in {b}"
        )
    here, there = first.geometry, second.geometry
    if not nifti.same_space(here, there):
        expected, found = (
            "shape and affine of pipeline A's map",
            "another space; predict both from the same files",
        )
        raise CaseError(case_id, file=b / f"{case_id}.nii.gz", expected=expected, found=found)
    try:
        merged = merge_label_maps(first.array, second.array, label_values(labels))
    except UserError as error:
        raise UserError(f"case {case_id}: {error}") from error
    (output / f"{case_id}.json").unlink(missing_ok=True)
    nifti.write(output / f"{case_id}.nii.gz", merged, here)
    write_json(output / f"{case_id}.json", {
        "schema": SCHEMA,
        "case": case_id,
        "pipeline": MERGED,
        "labels": {"convention": labels},
        "volumes_ml": volumes_ml(merged, label_values(labels), here.spacing_mm),
        "merged_from": {name: {"folder": str(folder), **said(folder, case_id)} for name, folder in (("a", a), ("b", b))},
        "versions": VERSIONS,
    })  # fmt: skip
