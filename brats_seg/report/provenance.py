"""The bundles behind a prediction, as its JSON tells; that may hold anything.

Covered by tests/report/test_provenance.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brats_seg.artifacts.prediction_tables import numbers
from brats_seg.artifacts.provenance import TRAINING_CASES
from brats_seg.artifacts.recorded_images import MERGED_FROM
from brats_seg.artifacts.synthetic import SYNTHETIC_CASES, synthetic_notice

SCORES = "validation_scores"
ONE_SCORE = "val/dice"
"""The score that a line has room for."""


def bundles_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The bundles of a prediction.

    Args:
        record: The JSON beside a label map, of `predict` or `merge`.

    Returns:
        For each bundle its pipeline and what :func:`brats_seg.artifacts.provenance.describe_bundle` told.
    """
    found = []
    for each in _records(record):
        told = each.get("provenance")
        for pipeline, group in told.items() if isinstance(told, dict) else ():
            for bundle in group if isinstance(group, list) else ():
                if isinstance(bundle, dict):
                    found.append({"pipeline": str(pipeline), **bundle})
    return found


def synthetic_line(record: Mapping[str, Any]) -> str | None:
    """The line that a prediction of bundles trained on phantoms is of no use; None where it is not."""
    return synthetic_notice(bundles_of(record))


def bundle_line(bundle: Mapping[str, Any]) -> str:
    """One of :func:`bundles_of` in a line: pipeline, experiment, training cases, validation Dice."""
    parts = [f"Pipeline {str(bundle['pipeline']).upper()}"]
    for key, words in (("experiment", ""), ("fold", "fold "), (TRAINING_CASES, "training cases: ")):
        if key in bundle:
            parts.append(f"{words}{bundle[key]}")
    scores = numbers(bundle.get(SCORES))
    if ONE_SCORE in scores:
        parts.append(f"validation Dice {scores[ONE_SCORE]:.3f}")
    return ", ".join(parts)


def told_of_bundle(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of one of :func:`bundles_of`: a line, the model card, the cases, the scores."""
    cases, synthetic = bundle.get(TRAINING_CASES), bundle.get(SYNTHETIC_CASES)
    words = "Number of training cases not recorded" if cases is None else f"Training cases: {cases}"
    if synthetic:
        words += f", {synthetic} of them synthetic"
    card = str(bundle.get("card", "No model card"))
    return {"line": bundle_line(bundle), "card": card, "cases": words, "scores": numbers(bundle.get(SCORES))}


def _records(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The record, and those it was merged from."""
    yield record
    sources = record.get(MERGED_FROM)
    for each in sources.values() if isinstance(sources, dict) else ():
        if isinstance(each, dict):
            yield each
