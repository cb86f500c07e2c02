"""Which prediction belongs to which reference, and which values their labels have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from brats_seg.cases import Case, scan
from brats_seg.cases.own_naming import OWN_NAMING
from brats_seg.errors import UserError
from brats_seg.labels import LABEL_VALUES, label_values

SEGMENTATION_ENDINGS = ("_seg", "-seg")
ALONE = {"dice_a": "a", "dice_b": "b"}
"""Metric to the folder, below the predictions, of one pipeline's label maps."""


@dataclass(frozen=True)
class LabelMap:
    """A file and the name of its label convention."""

    path: Path
    labels: str


@dataclass(frozen=True)
class Pair:
    """What is compared for one case.

    Attributes:
        case: Its id.
        prediction: None where it is missing.
        reference: The truth.
        alone: Metric to the label map of one pipeline alone, where the predictions are merged ones.
        brain: A sequence that is zero outside the brain; None where only label maps are known.
    """

    case: str
    prediction: LabelMap | None
    reference: LabelMap
    alone: Mapping[str, LabelMap] = field(default_factory=dict)
    brain: Path | None = None


def find_pairs(
    predictions: Path, references: Mapping[str, Pair], *, labels: str | None
) -> tuple[list[Pair], list[str]]:
    """Give every reference its prediction.

    Args:
        predictions: Folder of ``<case id>.nii.gz``; ``a/`` and ``b/`` below it hold what each pipeline said alone.
        references: As from :func:`find_references`.
        labels: Convention of the predictions; None: as the JSON beside each says.

    Returns:
        The pairs, sorted by case, and one line per prediction that has no reference.

    Raises:
        UserError: No folder, no case in common, or a convention is not known.
    """
    found = _label_maps(predictions, labels, "predictions")
    if not set(references) & set(found):
        expected = f"{next(iter(references))}.nii.gz"
        raise UserError(
            f"{predictions}: expected a label map per case, such as {expected}, found none of a case in the references"
        )
    alone = {
        metric: _label_maps(predictions / name, labels, "predictions")
        for metric, name in ALONE.items()
        if (predictions / name).is_dir()
    }
    pairs = [
        replace(
            pair,
            prediction=found.get(case),
            alone={m: maps[case] for m, maps in alone.items() if case in maps},
        )
        for case, pair in references.items()
    ]
    unknown = sorted(set(found) - set(references))
    return pairs, [f"case {case}: {found[case].path} has no reference, not scored" for case in unknown]


def find_references(
    root: Path | Sequence[Case], *, labels: str | None, patterns: Mapping[str, str | None] | None = None
) -> dict[str, Pair]:
    """Every truth, by case id, sorted, not yet with its prediction.

    Args:
        root: A case tree in any layout, or a flat folder of ``<case id>.nii.gz`` (or ``<case id>_seg.nii.gz``); or cases that
            somebody found.
        labels: Convention of the truths; None: as their naming says, or the JSON beside each.
        patterns: As for :func:`brats_seg.cases.find_cases`, where the tree's naming is somebody's own.

    Raises:
        UserError: There is none, or a convention is not known.
    """
    if not isinstance(root, Path):
        return _of_cases(root, root[0].files[0].parent if root else Path())
    found = scan(root, labels=labels, patterns=patterns)
    if errors := [str(finding) for finding in found.findings if finding.level == "error"]:
        raise UserError("\n".join(errors))
    if found.cases:
        return _of_cases(found.cases, root)
    flat = _label_maps(root, labels, "references")
    if not flat:
        raise UserError(
            f"{root}: expected label maps (<case id>.nii.gz) or cases with a segmentation, found none; {OWN_NAMING}"
        )
    return {case: Pair(case, None, label_map) for case, label_map in sorted(flat.items())}


def _of_cases(cases: Sequence[Case], root: Path) -> dict[str, Pair]:
    labelled = [case for case in cases if case.segmentation is not None]
    if not labelled:
        raise UserError(f"{root}: expected cases with a segmentation, found {len(cases)} without")
    refuse_untold(labelled, root)
    return {case.id: _pair(case) for case in labelled}


def refuse_untold(cases: Iterable[Case], root: Path) -> None:
    """Refuse labelled cases of which nothing tells the label convention.

    Raises:
        UserError: There is one; says which key to give.
    """
    if unknown := [case.id for case in cases if case.segmentation is not None and case.labels is None]:
        raise _untold(root, unknown, "references")


def _pair(case: Case) -> Pair:
    assert case.segmentation is not None
    first = next(iter(case.modalities.values()), None)
    return Pair(
        case.id, None, LabelMap(case.segmentation, str(case.labels)), brain=first.path if first else None
    )


def _label_maps(folder: Path, labels: str | None, which: str) -> dict[str, LabelMap]:
    """Case id to label map."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of {which}")
    found: dict[str, LabelMap] = {}
    untold = []
    for path in sorted(folder.glob("*.nii*")):
        if path.name.startswith(".") or not path.name.endswith((".nii", ".nii.gz")):
            continue
        name = path.name.removesuffix(".gz").removesuffix(".nii")
        case = next((name.removesuffix(end) for end in SEGMENTATION_ENDINGS if name.endswith(end)), name)
        if case in found:
            raise UserError(f"case {case}: expected one label map, found {found[case].path} and {path.name}")
        told = labels or _recorded(folder / f"{name}.json")
        untold += [] if told else [case]
        found[case] = LabelMap(path, label_values(told).name if told else "")
    if untold:
        raise _untold(folder, untold, which)
    return found


def _recorded(record: Path) -> str | None:
    """The convention that the JSON beside a label map tells; None where it tells none."""
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["labels"]["convention"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _untold(folder: Path, cases: Iterable[str], which: str) -> UserError:
    first, *others = cases
    more = f" (and {len(others)} more)" if others else ""
    return UserError(
        f"{folder}: nothing tells the label convention of {first}{more}; give labels.{which}={' or '.join(LABEL_VALUES)}"
    )
