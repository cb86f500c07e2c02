"""The bundles behind a prediction, as its JSON tells; that may hold anything.

Covered by tests/report/test_provenance.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brats_seg.artifacts.prediction_tables import numbers
from brats_seg.artifacts.provenance import TRAINING_CASES
from brats_seg.artifacts.recorded_bundles import recorded_bundles
from brats_seg.artifacts.synthetic import SYNTHETIC_CASES, synthetic_notice

SCORES = "validation_scores"
ONE_SCORE = "val/dice"
"""The score that a line has room for."""


def synthetic_line(record: Mapping[str, Any]) -> str | None:
    """The line that a prediction of bundles trained on phantoms is of no use; None where it is not."""
    return synthetic_notice(recorded_bundles(record))


def bundle_line(bundle: Mapping[str, Any]) -> str:
    """A recorded bundle in a line: pipeline, experiment, number of training cases, validation Dice."""
    parts = [f"Pipeline {str(bundle['pipeline']).upper()}"]
    for key, words in (("experiment", ""), ("fold", "fold "), (TRAINING_CASES, "training cases: ")):
        if key in bundle:
            parts.append(f"{words}{bundle[key]}")
    scores = numbers(bundle.get(SCORES))
    if ONE_SCORE in scores:
        parts.append(f"validation Dice {scores[ONE_SCORE]:.3f}")
    return ", ".join(parts)


def told_of_bundle(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of a recorded bundle: a line, the model card, the cases, the scores."""
    cases, synthetic = bundle.get(TRAINING_CASES), bundle.get(SYNTHETIC_CASES)
    words = "Number of training cases not recorded" if cases is None else f"Training cases: {cases}"
    if synthetic:
        words += f", {synthetic} of them synthetic"
    card = str(bundle.get("card", "No model card"))
    return {"line": bundle_line(bundle), "card": card, "cases": words, "scores": numbers(bundle.get(SCORES))}
