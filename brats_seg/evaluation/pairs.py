"""Which prediction belongs to which reference, and which label values they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from brats_seg.artifacts.label_maps import LabelMap, untold_labels
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.cases import Case, scan
from brats_seg.cases.own_naming import OWN_NAMING
from brats_seg.errors import UserError
from brats_seg.terms import PIPELINES


@dataclass(frozen=True)
class Pair:
    """The files that are compared for one case.

    Attributes:
        case: Its id.
        prediction: The final label map; None where it is missing.
        reference: The truth; None where there is none.
        per_pipeline: Pipeline to its own label map, where the predictions are merged ones.
        brain: A sequence that is zero outside the brain; None where only label maps are known.
    """

    case: str
    prediction: LabelMap | None
    reference: LabelMap | None
    per_pipeline: Mapping[str, LabelMap] = field(default_factory=dict)
    brain: Path | None = None


def find_pairs(
    predictions: Path, references: Mapping[str, Pair], *, labels: str | None
) -> tuple[list[Pair], list[str]]:
    """Give every reference its prediction.

    Args:
        predictions: Prediction folder; ``a/`` and ``b/`` below it hold the label maps of each pipeline.
        references: As from :func:`find_references`.
        labels: Name of the label values of the predictions; None: as the JSON beside each records.

    Returns:
        The pairs, sorted by case, and one line per prediction that has no reference.

    Raises:
        UserError: There is no such folder, no case in common, or label values are not known.
    """
    folder = PredictionFolder(predictions)
    found = folder.label_maps(labels, "predictions")
    if not set(references) & set(found):
        expected = f"a label map per case, such as {next(iter(references))}.nii.gz"
        raise UserError(f"{predictions}: expected {expected}, found none of a case in the references")
    below = {each: folder.of_pipeline(each) for each in PIPELINES}
    maps = {
        each: part.label_maps(labels, "predictions") for each, part in below.items() if part.path.is_dir()
    }
    pairs = []
    for case, pair in references.items():
        own: dict[str, LabelMap] = {pipeline: held[case] for pipeline, held in maps.items() if case in held}
        pairs.append(_in_one_space(replace(pair, prediction=found.get(case), per_pipeline=own)))
    unmatched = []
    for case in sorted(set(found) - set(references)):
        unmatched.append(f"case {case}: {found[case].path} has no reference, not scored")
    return pairs, unmatched


def _in_one_space(pair: Pair) -> Pair:
    """What the user, or the JSON of the prediction, told of one file's orientation holds for all."""
    told = [each.orientation for each in (pair.reference, pair.prediction) if each is not None]
    orientation = next(filter(None, told), None)

    def turned(label_map: LabelMap | None) -> LabelMap | None:
        return None if label_map is None else replace(label_map, orientation=orientation)

    own = {pipeline: replace(each, orientation=orientation) for pipeline, each in pair.per_pipeline.items()}
    return replace(
        pair, reference=turned(pair.reference), prediction=turned(pair.prediction), per_pipeline=own
    )


def find_references(
    root: Path | Sequence[Case],
    *,
    labels: str | None,
    patterns: Mapping[str, str | None] | None = None,
    orientation: str | None = None,
) -> dict[str, Pair]:
    """Every truth, not yet with its prediction.

    Args:
        root: A case tree in any layout, or a flat folder of ``<case id>.nii.gz`` (or ``<case
            id>_seg.nii.gz``); or cases already found.
        labels: Name of the label values of the truths; None: as their file names imply, or the JSON beside
            each records.
        patterns: As for :func:`brats_seg.cases.find_cases`, where the tree has other file names.
        orientation: Of files whose header tells no space; None: as the JSON beside the prediction says.

    Returns:
        Case id to its pair, sorted.

    Raises:
        UserError: There is none, or label values are not known.
    """
    if not isinstance(root, Path):
        return _of_cases(root, root[0].files[0].parent if root else Path())
    found = scan(root, labels=labels, patterns=patterns, orientation=orientation)
    errors = [str(finding) for finding in found.findings if finding.level == "error"]
    if errors:
        raise UserError("\n".join(errors))
    if found.cases:
        return _of_cases(found.cases, root)
    flat = PredictionFolder(root).label_maps(labels, "references")
    if not flat:
        expected = "label maps (<case id>.nii.gz) or cases with a segmentation"
        raise UserError(f"{root}: expected {expected}, found none; {OWN_NAMING}")
    pairs: dict[str, Pair] = {}
    for case, label_map in flat.items():
        pairs[case] = Pair(case, None, replace(label_map, orientation=orientation or label_map.orientation))
    return pairs


def pair_of_case(case: Case) -> Pair:
    """The truth of a case, where there is one, and its first sequence; not yet with its prediction."""
    reference = None
    if case.segmentation is not None:
        reference = LabelMap(case.segmentation, str(case.labels), case.orientation)
    first = next(iter(case.modalities.values()), None)
    return Pair(case.id, None, reference, brain=None if first is None else first.path)


def refuse_untold(cases: Iterable[Case], root: Path) -> None:
    """Refuse labelled cases whose label values nothing tells.

    Args:
        cases: Any.
        root: Their folder, for the error.

    Raises:
        UserError: There is one; the line names the key to give.
    """
    untold = [case.id for case in cases if case.segmentation is not None and case.labels is None]
    if untold:
        raise UserError(untold_labels(root, untold, "references"))


def _of_cases(cases: Sequence[Case], root: Path) -> dict[str, Pair]:
    labelled = [case for case in cases if case.segmentation is not None]
    if not labelled:
        raise UserError(f"{root}: expected cases with a segmentation, found {len(cases)} without")
    refuse_untold(labelled, root)
    return {case.id: pair_of_case(case) for case in labelled}
