"""The JSON beside each label map: what it was made of and how, for people and for later commands.

Covered by tests/inference/test_predict.py.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from brats_seg.artifacts.bundles import Bundle, Pipeline
from brats_seg.artifacts.prediction_folder import MERGED, SCHEMA, VERSIONS, PredictionFolder
from brats_seg.artifacts.prediction_tables import AGREEMENT
from brats_seg.artifacts.provenance import describe_bundles, notice
from brats_seg.cases import Case
from brats_seg.errors import FileError
from brats_seg.files import file_sha256
from brats_seg.inference.answers import Prediction
from brats_seg.inference.settings import Settings

Bundles = Mapping[Pipeline, Sequence[Bundle]]


def make_record(
    prediction: Prediction, which: str, *, bundles: Bundles, settings: Settings, files: Sequence[str]
) -> dict[str, Any]:
    """Make what is written beside one label map.

    Args:
        prediction: Of the case.
        which: Pipeline, or merged.
        bundles: Pipeline to its bundles.
        settings: As asked for.
        files: Everything that was written for the case, relative to the record.

    Returns:
        Plain values.
    """
    case = prediction.loaded.case
    serving = {pipeline: group for pipeline, group in bundles.items() if which in (pipeline, MERGED)}
    return {
        "schema": SCHEMA,
        "case": case.id,
        "pipeline": which,
        "labels": {"convention": prediction.labels},
        "volumes_ml": prediction.volumes_ml(which),
        **({AGREEMENT: prediction.agreement} if which == MERGED else {}),
        "warnings": prediction.warnings,
        "notice": notice(bundle.record["provenance"] for group in serving.values() for bundle in group),
        "provenance": describe_bundles(serving),
        **_asked(case, serving, settings),
        "inputs": _inputs(case, prediction.loaded.sha256),
        "precision": prediction.precision,
        "inferer": prediction.inferer,
        "seconds": round(prediction.seconds, 2),
        "versions": VERSIONS,
        "files": list(files),
    }


def make_begun_record(case: Case, sha256: Mapping[str, str]) -> dict[str, Any]:
    """Make what is written before the first file of a case: a killed run's files are known for its own.

    Args:
        case: What is segmented.
        sha256: Of each sequence's file.

    Returns:
        Plain values; without files, so that the case is not finished.
    """
    return {"schema": SCHEMA, "case": case.id, "inputs": _inputs(case, sha256), "files": []}


def is_finished(case: Case, folder: PredictionFolder, bundles: Bundles, settings: Settings) -> bool:
    """Whether everything for a case is there, made of the same inputs, bundles and settings.

    Args:
        case: What would be segmented.
        folder: Where it would be written.
        bundles: Pipeline to its bundles.
        settings: As asked for.

    Returns:
        True where nothing is to be done.
    """
    found = folder.read_record(case.id)
    files = found.get("files")
    if not (isinstance(files, list) and files):
        return False
    if not all(
        os.path.isfile(folder.path / str(name)) for name in files
    ):  # False for an impossible name, too
        return False
    asked = _asked(case, bundles, settings)
    if any(_without_paths(found.get(key)) != _without_paths(asked[key]) for key in asked):
        return False
    try:
        sha256 = {
            name: file_sha256(file.path) for name, file in case.modalities.items()
        }  # last: reads every file
    except FileError:
        return False
    return bool(_without_paths(found.get("inputs")) == _without_paths(_inputs(case, sha256)))


def why_not_to_replace(case: Case, folder: PredictionFolder) -> str | None:
    """Say why the label map that is there should stay.

    Args:
        case: What would be segmented.
        folder: Where it would be written.

    Returns:
        As :meth:`PredictionFolder.why_not_to_replace`.
    """
    if not any(map(os.path.lexists, folder.files(case.id))):
        return None  # before every image is read for its sum
    found = set()
    for file in case.modalities.values():
        with contextlib.suppress(FileError):
            found.add(file_sha256(file.path))
    return folder.why_not_to_replace(case.id, found)


def _without_paths(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_paths(item) for key, item in value.items() if key != "path"}
    return [_without_paths(item) for item in value] if isinstance(value, list) else value


def _asked(case: Case, bundles: Bundles, settings: Settings) -> dict[str, Any]:
    """What has to be the same, besides the inputs, for a finished case to be left alone."""
    named: dict[str, list[dict[str, str]]] = {}
    for pipeline, group in bundles.items():
        named[pipeline] = [{"path": str(bundle.folder), "sha256": bundle.sha256} for bundle in group]
    asked = {"bundles": named, "settings": settings.record(), "naming": case.labels}
    return asked if case.orientation is None else {**asked, "orientation": case.orientation}


def _inputs(case: Case, sha256: Mapping[str, str]) -> dict[str, Any]:
    """Path, for `report` to find the images; hash and channel, to compare."""
    found = {}
    for name, file in case.modalities.items():
        place = os.path.abspath(file.path)
        found[name] = {"path": place, "sha256": sha256[name], "channel": file.channel}
    return found
