"""Where a prediction comes from: what its bundles say of themselves.

Covered by tests/artifacts/test_provenance.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from brats_seg.artifacts.synthetic import SYNTHETIC_CASES, synthetic_notice
from brats_seg.preprocessing.likeness import unlike, usable_ranges

if TYPE_CHECKING:  # torch takes a second
    from brats_seg.artifacts.bundles import Bundle, Pipeline

NOTICE = "For research; not a medical device."
TRAINING_CASES, RANGES = "training_cases", "training_ranges"
"""Keys of a bundle's provenance."""
TOLD = ("experiment", "fold", "seed", "epochs", "weights", TRAINING_CASES, SYNTHETIC_CASES)
"""What is told of it."""


def describe_bundle(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a result says of the bundle that it was made with.

    Args:
        record: :attr:`Bundle.record`.

    Returns:
        The model card, who trained on what, and the validation scores: plain values.
    """
    provenance = record["provenance"]
    told = {key: provenance[key] for key in TOLD if key in provenance}
    return {"card": record["card"], **told, "validation_scores": dict(record["scores"])}


def notice(provenances: Iterable[Mapping[str, Any]]) -> str:
    """What every result says of itself: that it is for research, and where it is of no use at all.

    Args:
        provenances: Of each bundle.

    Returns:
        One or two sentences.
    """
    synthetic = synthetic_notice(provenances)
    return NOTICE if synthetic is None else f"{NOTICE} {synthetic[0].upper()}{synthetic[1:]}."


def describe_bundles(bundles: Mapping[Pipeline, Sequence[Bundle]]) -> dict[str, list[dict[str, Any]]]:
    """As :func:`describe_bundle`, for each bundle of each pipeline."""
    found: dict[str, list[dict[str, Any]]] = {}
    for pipeline, group in bundles.items():
        found[pipeline] = [describe_bundle(bundle.record) for bundle in group]
    return found


def unlike_training(
    numbers: Mapping[str, float], bundles: Mapping[Pipeline, Sequence[Bundle]]
) -> Iterator[str]:
    """A line for each number of a case that is far outside those of the training cases of the bundles.

    Args:
        numbers: As :func:`brats_seg.preprocessing.likeness.describe_image` gives them.
        bundles: Pipeline to its bundles.

    Returns:
        The lines; none where a bundle does not tell its cases.
    """
    trained = []
    for bundle in chain.from_iterable(bundles.values()):
        told = bundle.record["provenance"]
        count = told.get(TRAINING_CASES)
        trained.append((count if isinstance(count, int) else 0, usable_ranges(told.get(RANGES))))
    return unlike(numbers, trained)
