"""Which images a prediction was made of, as its JSON tells. Covered by tests/report/test_sources.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brats_seg.cases import Case, ModalityFile
from brats_seg.nifti import is_orientation
from brats_seg.terms import MODALITIES

MERGED_FROM = "merged_from"
"""Key of a merged map's JSON: pipeline to the JSON of its own map."""


@dataclass(frozen=True)
class RecordedImages:
    """What is known of the images of one label map.

    Attributes:
        case: With the files that are still there; without any where none is.
        sha256: Modality to the hash of its file when it was segmented.
        gone: A line for each file that is not there any more.
    """

    case: Case
    sha256: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


def recorded_images(case_id: str, record: Mapping[str, Any]) -> RecordedImages:
    """Find the images that a label map was made of.

    Args:
        case_id: Of the label map.
        record: The JSON beside it, of `predict` or `merge`; whatever is no file name in it is passed over.

    Returns:
        The images, maybe none.
    """
    asked = _first_with_inputs(record)
    files: dict[str, ModalityFile] = {}
    sha256: dict[str, str] = {}
    gone: list[str] = []
    for name in MODALITIES:
        told = asked["inputs"].get(name)
        path, channel = _place(told)
        if path is None:
            continue
        if not path.is_file():
            gone.append(f"{name}: {path} is not there any more")
            continue
        files[name] = ModalityFile(path, channel)
        sha256[name] = str(told.get("sha256"))
    turned = recorded_orientation(record)
    return RecordedImages(Case(case_id, files, orientation=turned), sha256, tuple(gone))


def recorded_orientation(record: Mapping[str, Any]) -> str | None:
    """How the files lie that a label map was made of, where their headers told no space."""
    orientation = _first_with_inputs(record).get("orientation")
    return orientation if isinstance(orientation, str) and is_orientation(orientation) else None


def image_sums(record: Mapping[str, Any]) -> set[str]:
    """Sums (sha256) of the image files that a label map was made of, as its JSON tells; merged ones, too."""
    found: set[str] = set()
    inputs, sources = record.get("inputs"), record.get(MERGED_FROM)
    for each in inputs.values() if isinstance(inputs, dict) else ():
        if isinstance(each, dict) and isinstance(each.get("sha256"), str):
            found.add(each["sha256"])
    for each in sources.values() if isinstance(sources, dict) else ():
        if isinstance(each, dict):
            found |= image_sums({"inputs": each.get("inputs")})
    return found


def _first_with_inputs(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record, or the first of those it was merged from, that names images."""
    merged_from = record.get(MERGED_FROM)
    inner = list(merged_from.values()) if isinstance(merged_from, dict) else []
    for each in (record, *inner):
        if isinstance(each, Mapping) and isinstance(each.get("inputs"), dict):
            return each
    return {"inputs": {}}


def _place(told: Any) -> tuple[Path | None, int]:
    """File and channel; None where none is told."""
    if not (isinstance(told, dict) and isinstance(told.get("path"), str) and "\0" not in told["path"]):
        return None, 0
    channel = told.get("channel", 0)
    return Path(told["path"]), channel if isinstance(channel, int) and channel >= 0 else 0
