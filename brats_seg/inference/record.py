"""The JSON beside each label map: what it was made of and how, for people, for `merge` and `evaluate`, and for resuming."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

import brats_seg
from brats_seg.artifacts.bundles import PIPELINES, Bundle, Pipeline
from brats_seg.cases import Case
from brats_seg.errors import CaseError
from brats_seg.inference.settings import Settings
from brats_seg.labels import LabelValues, encode_regions, label_values
from brats_seg.terms import REGIONS

if TYPE_CHECKING:
    from brats_seg.inference.segment import Prediction

SCHEMA = 1
Bundles = Mapping[Pipeline, Sequence[Bundle]]
VERSIONS = {"brats_seg": brats_seg.__version__, "torch": torch.__version__}


def record(
    prediction: Prediction, which: str, *, bundles: Bundles, settings: Settings, files: Sequence[str]
) -> dict[str, Any]:
    """What is written beside one label map.

    Args:
        prediction: Of the case.
        which: Pipeline, or merged.
        bundles: Pipeline to its bundles.
        settings: As asked for.
        files: Everything that was written for the case, relative to the record.
    """
    case, labels = prediction.loaded.case, label_values(prediction.labels)
    serving = {p: group for p, group in bundles.items() if p == which or which not in PIPELINES}
    label_map = prediction.answers[which].label_map
    return {
        "schema": SCHEMA,
        "case": case.id,
        "pipeline": which,
        "labels": {"convention": labels.name},
        "volumes_ml": volumes_ml(label_map, labels, prediction.loaded.geometry.spacing_mm),
        "warnings": prediction.warnings,
        **_asked(case, serving, settings),
        "inputs": _inputs(case, prediction.loaded.sha256),
        "precision": prediction.precision,
        "inferer": prediction.inferer,
        "seconds": round(prediction.seconds, 2),
        "versions": VERSIONS,
        "files": list(files),
    }


def volumes_ml(
    label_map: NDArray[np.uint8], labels: LabelValues, spacing_mm: Sequence[float]
) -> dict[str, float]:
    """Region to its volume in millilitres."""
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    regions = encode_regions(label_map, labels)
    return {
        name: round(int(region.sum()) * voxel_ml, 3) for name, region in zip(REGIONS, regions, strict=True)
    }


def is_finished(case: Case, output: Path, bundles: Bundles, settings: Settings) -> bool:
    """Whether everything for this case is there, made of the same inputs, bundles and settings; paths may differ."""
    found = said(output, case.id)
    files = found.get("files")
    if not (isinstance(files, list) and files and all((output / str(name)).is_file() for name in files)):
        return False
    asked = _asked(case, bundles, settings)
    if any(_without_paths(found.get(key)) != _without_paths(asked[key]) for key in asked):
        return False
    # Last, for it reads every file.
    try:
        return bool(
            found.get("inputs")
            == _inputs(case, {name: _sha256(file.path) for name, file in case.modalities.items()})
        )
    except OSError:
        return False


def recorded_convention(folder: Path, case_id: str, given: str | None) -> str:
    """The convention of a prediction: as given, else as its JSON says.

    Raises:
        CaseError: Neither tells.
    """
    if given is not None:
        return label_values(given).name
    try:
        return label_values(said(folder, case_id)["labels"]["convention"]).name
    except (KeyError, TypeError) as error:
        expected = "its label convention; give labels.predictions=NAME"
        raise CaseError(case_id, file=folder / f"{case_id}.json", expected=expected, found="none") from error


def said(folder: Path, case_id: str) -> dict[str, Any]:
    """The JSON beside a label map; empty where there is none."""
    try:
        found = json.loads((folder / f"{case_id}.json").read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}


def _without_paths(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_paths(item) for key, item in value.items() if key != "path"}
    return [_without_paths(item) for item in value] if isinstance(value, list) else value


def _asked(case: Case, bundles: Bundles, settings: Settings) -> dict[str, Any]:
    """What has to be the same, besides the inputs, for a finished case to be left alone."""
    return {
        "bundles": {
            p: [{"path": str(b.folder), "sha256": b.sha256} for b in group] for p, group in bundles.items()
        },
        "settings": settings.record(),
        "naming": case.labels,
    }


def _inputs(case: Case, sha256: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"sha256": sha256[name], "channel": file.channel} for name, file in case.modalities.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
