"""Score a folder of predictions against references, case by case, in parallel."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import numpy as np

from brats_seg import nifti
from brats_seg.cases import find_cases
from brats_seg.errors import CaseError, UserError
from brats_seg.labels import convention, encode_regions, unknown_values
from brats_seg.metrics.functional import dice, hd95_mm, sensitivity, specificity
from brats_seg.terms import REGIONS

METRICS = ("dice", "sensitivity", "specificity", "hd95")


@dataclass(frozen=True)
class Row:
    """One score; ``value`` is None where it is undefined (no NaN ever)."""

    case: str
    region: str
    metric: str
    value: float | None


@dataclass(frozen=True)
class Pair:
    """A prediction and its reference, each with its label convention; no prediction where it is missing."""

    case: str
    prediction: Path | None
    prediction_labels: str | None
    reference: Path
    reference_labels: str


def find_pairs(predictions: Path, references: Path, *, prediction_labels: str | None, reference_labels: str | None) -> list[Pair]:
    """Match every reference to a prediction by case id.

    Args:
        predictions: Folder of ``<case id>.nii.gz``, JSON beside each or the convention given.
        references: A case tree, or a flat folder of ``<case id>.nii.gz``.
        prediction_labels: Convention of the predictions where no JSON tells.
        reference_labels: Convention of the references where no naming tells.

    Raises:
        UserError: Nothing matches, or a convention is not known.
    """
    truths = _references(references, reference_labels)
    found = {
        p.name.removesuffix(".gz").removesuffix(".nii"): p
        for p in sorted(predictions.glob("*.nii*"))
        if not p.name.startswith(".")
    }
    if not set(truths) & set(found):
        raise UserError(
            f"{predictions} and {references} have no case in common: expected {', '.join(sorted(truths)[:2])}.nii.gz ..."
        )
    pairs = []
    for case_id, (path, labels) in sorted(truths.items()):
        prediction = found.get(case_id)
        told = _recorded(prediction, case_id, prediction_labels) if prediction is not None else None
        pairs.append(Pair(case_id, prediction, told, path, labels))
    return pairs


def score_pair(pair: Pair) -> list[Row]:
    """Every metric of every region of one case.

    Raises:
        CaseError: Geometry or labels do not fit.
    """
    truth = nifti.read(pair.reference)
    if pair.prediction is None:
        predicted = np.zeros((len(REGIONS), *truth.array.shape), bool)
    else:
        volume = nifti.read(pair.prediction)
        _check_space(pair, volume, truth)
        predicted = _regions(pair.case, pair.prediction, volume, str(pair.prediction_labels))
    actual = _regions(pair.case, pair.reference, truth, pair.reference_labels)
    rows = []
    for region, ours, theirs in zip(REGIONS, predicted, actual, strict=True):
        distance = hd95_mm(ours, theirs, truth.geometry.spacing_mm)
        values = (dice(ours, theirs), sensitivity(ours, theirs), specificity(ours, theirs), distance)
        rows += [Row(pair.case, region, metric, value) for metric, value in zip(METRICS, values, strict=True)]
    return rows


def score_cohort(
    pairs: Sequence[Pair],
    *,
    missing: Literal["penalise", "fail", "skip"],
    workers: int,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[list[Row], list[str]]:
    """Score all pairs.

    Args:
        pairs: What to score.
        missing: A missing prediction counts as an empty one, stops everything, or is left out and listed.
        workers: Processes; below 2 works in this one.
        progress: Called with (done, total).

    Returns:
        Rows sorted by case, and one line per case that could not be scored.

    Raises:
        UserError: With ``missing="fail"``, the list of missing predictions.
    """
    absent = [pair.case for pair in pairs if pair.prediction is None]
    if absent and missing == "fail":
        raise UserError(f"no prediction for {', '.join(absent)}: predict them, or use missing=penalise or missing=skip")
    wanted = [pair for pair in pairs if pair.prediction is not None or missing == "penalise"]
    problems = [f"case {case}: no prediction, left out" for case in absent if missing == "skip"]
    rows: dict[str, list[Row]] = {}
    for done, (pair, result) in enumerate(_each(wanted, workers), 1):
        if isinstance(result, UserError):
            problems.append(str(result))
        else:
            rows[pair.case] = result
        progress(done, len(wanted))
    return [row for case in sorted(rows) for row in rows[case]], problems


def _each(pairs: Sequence[Pair], workers: int):  # type: ignore[no-untyped-def]
    if workers < 2 or len(pairs) < 2:
        yield from ((pair, _attempt(pair)) for pair in pairs)
        return
    with ProcessPoolExecutor(min(workers, len(pairs)), mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(_attempt, pair): pair for pair in pairs}
        for job in as_completed(jobs):
            yield jobs[job], job.result()


def _attempt(pair: Pair) -> list[Row] | UserError:
    try:
        return score_pair(pair)
    except UserError as error:
        return error


def _references(root: Path, labels: str | None) -> dict[str, tuple[Path, str]]:
    flat = {p.name.removesuffix(".gz").removesuffix(".nii"): p for p in sorted(root.glob("*.nii*"))}
    if flat and not any(c.endswith(("_seg", "-seg", "_flair", "-t2f")) for c in flat):
        if labels is None:
            raise UserError(f"{root}: nothing tells the labels' convention; give labels.references=brats2020, brats2023 or msd")
        return {case: (path, convention(labels).name) for case, path in flat.items()}
    cases = [case for case in find_cases(root, convention=labels) if case.segmentation is not None]
    if unknown := [case.id for case in cases if case.convention is None]:
        raise UserError(f"{root}: nothing tells the convention of {unknown[0]}; give labels.references=NAME")
    return {case.id: (case.segmentation, str(case.convention)) for case in cases if case.segmentation is not None}


def _recorded(prediction: Path, case_id: str, given: str | None) -> str:
    if given is not None:
        return convention(given).name
    try:
        return convention(json.loads((prediction.parent / f"{case_id}.json").read_text())["labels"]["convention"]).name
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{prediction}: no {case_id}.json tells its labels' convention; give labels.predictions=NAME") from error


def _check_space(pair: Pair, prediction: nifti.Volume, truth: nifti.Volume) -> None:
    if prediction.array.shape != truth.array.shape:
        raise CaseError(
            pair.case,
            file=pair.prediction,
            expected=f"shape {truth.array.shape} of the reference",
            found=str(prediction.array.shape),
        )
    if any(abs(a - b) > 1e-3 for a, b in zip(prediction.geometry.spacing_mm, truth.geometry.spacing_mm, strict=True)):
        raise CaseError(
            pair.case,
            file=pair.prediction,
            expected=f"spacing {truth.geometry.spacing_mm}",
            found=str(prediction.geometry.spacing_mm),
        )


def _regions(case: str, path: Path, volume: nifti.Volume, labels: str) -> np.ndarray:
    known = convention(labels)
    if unknown := unknown_values(volume.array, known):
        raise CaseError(case, file=path, expected=f"labels {known.values} of {labels}", found=f"also {unknown}")
    return encode_regions(volume.array, known)
