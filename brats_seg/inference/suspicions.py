"""Why a prediction should be looked at twice. Covered by tests/inference/test_suspicions.py."""

from __future__ import annotations

from collections.abc import Iterator

from brats_seg.artifacts.provenance import unlike_training
from brats_seg.inference.answers import Prediction
from brats_seg.inference.record import Bundles
from brats_seg.preprocessing import likeness


def suspicions(prediction: Prediction, bundles: Bundles) -> Iterator[str]:
    """A line where a case is unlike the training data, and where A and B disagree.

    Args:
        prediction: Of the case.
        bundles: Pipeline to its bundles.

    Yields:
        The lines: intensities, volume of the brain, volume of the tumour, agreement.
    """
    numbers = likeness.describe_image(prediction.loaded.image)
    numbers[likeness.TUMOUR] = prediction.volumes_ml(prediction.final)["WT"]
    yield from unlike_training(numbers, bundles)
    yield from likeness.disagreements(prediction.agreement)
