"""Label maps that somebody gives: which case, and which label values.

Covered by tests/inference/test_merge.py and tests/evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brats_seg.cases.data_sets import find_data_set
from brats_seg.errors import plain_id
from brats_seg.files import read_object
from brats_seg.labels import LABEL_VALUES
from brats_seg.nifti import stem

SEGMENTATION_ENDINGS = ("_seg", "-seg")


@dataclass(frozen=True)
class LabelMap:
    """A file, the name of its label values, and how it lies where its header tells no space."""

    path: Path
    labels: str
    orientation: str | None = None


def case_of(label_map: Path) -> str:
    """The case id in the name of a label map, which may end in ``_seg``."""
    name = stem(label_map.name)
    for ending in SEGMENTATION_ENDINGS:
        if name.endswith(ending):
            return plain_id(name.removesuffix(ending))
    return plain_id(name)


def recorded_labels(label_map: Path) -> str | None:
    """Name of the label values that the JSON beside a label map records; None where it records none."""
    labels = read_record_beside(label_map).get("labels")
    name = labels.get("convention") if isinstance(labels, dict) else None
    return name if isinstance(name, str) else None


def read_record_beside(label_map: Path) -> dict[str, Any]:
    """The JSON beside a label map; empty where there is none, without warnings that are no list of lines."""
    found = read_object(label_map.with_name(f"{stem(label_map.name)}.json"))
    warnings = found.get("warnings", [])
    if not (isinstance(warnings, list) and all(isinstance(line, str) for line in warnings)):
        del found["warnings"]
    return found


def untold_labels(folder: Path, cases: Iterable[str], which: str) -> str:
    """The line about label maps whose label values nothing tells.

    Args:
        folder: Where they lie.
        cases: Their ids, at least one.
        which: ``"predictions"`` or ``"references"``.

    Returns:
        One line that names the key to give.
    """
    first, *others = cases
    more = f" (and {len(others)} more)" if others else ""
    data_set = find_data_set(first)
    if data_set is not None and data_set.labels is None:
        return f"{folder}: {first}{more}: {data_set.name} data set: {data_set.remark}"
    names = " or ".join(LABEL_VALUES)
    return f"{folder}: nothing tells the label values of {first}{more}; give labels.{which}={names}"
