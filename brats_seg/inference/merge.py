"""Merge the label maps of pipelines A and B (section 2.6, second step). README.md has the truth table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.errors import CaseError, UserError
from brats_seg.files import write_json
from brats_seg.labels import LabelConvention, convention, unknown_values

BACKGROUND, NECROSIS, OEDEMA, ENHANCING = range(4)
"""Tissues in the order of :attr:`LabelConvention.values`, so that the table holds for every convention."""

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


def merge_label_maps(a: NDArray[np.integer], b: NDArray[np.integer], labels: LabelConvention) -> NDArray[np.uint8]:
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
    cases = {name: {p.name.removesuffix(".nii.gz") for p in folder.glob("*.nii.gz")} for name, folder in (("a", a), ("b", b))}
    if not cases["a"] & cases["b"]:
        raise UserError(f"{a} and {b} have no case in common: expected <case id>.nii.gz in both")
    problems = [f"case {i}: in {a} only" for i in cases["a"] - cases["b"]] + [f"case {i}: in {b} only" for i in cases["b"] - cases["a"]]
    merged = []
    for case_id in sorted(cases["a"] & cases["b"]):
        try:
            _merge_case(case_id, a, b, output, labels)
            merged.append(case_id)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(sorted(problems)))
    return merged


def _merge_case(case_id: str, a: Path, b: Path, output: Path, labels: str | None) -> None:
    volumes, names = [], []
    for folder in (a, b):
        volumes.append(nifti.read(folder / f"{case_id}.nii.gz"))
        names.append(recorded_convention(folder, case_id, labels))
    if names[0] != names[1]:
        raise CaseError(case_id, expected=f"one label convention, {names[0]} as in {a}", found=f"{names[1]} in {b}")
    first, second = (v.geometry for v in volumes)
    if first.shape != second.shape or not np.allclose(first.affine, second.affine, atol=1e-3):
        raise CaseError(case_id, file=b / f"{case_id}.nii.gz", expected="the geometry of pipeline A's map", found="another shape or affine")
    merged = merge_label_maps(volumes[0].array, volumes[1].array, convention(names[0]))
    nifti.write(output / f"{case_id}.nii.gz", merged, first)
    record = {"schema": 1, "case": case_id, "labels": {"convention": names[0]}, "merged_from": {"a": str(a), "b": str(b)}}
    write_json(output / f"{case_id}.json", record)


def recorded_convention(folder: Path, case_id: str, given: str | None) -> str:
    """The convention of a prediction: as given, else as its JSON says.

    Raises:
        CaseError: Neither tells.
    """
    if given is not None:
        return convention(given).name
    path = folder / f"{case_id}.json"
    try:
        return convention(json.loads(path.read_text())["labels"]["convention"]).name
    except (OSError, ValueError, KeyError, TypeError) as error:
        expected = "its label convention; give labels.predictions=NAME"
        raise CaseError(case_id, file=path, expected=expected, found="none") from error
