"""Choose the volume below which enhancing tumour becomes necrosis, on predictions that no training saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brats_seg.errors import UserError
from brats_seg.evaluation.pairs import Pair, find_pairs, find_references
from brats_seg.evaluation.reading import read_label_map
from brats_seg.labels import label_values
from brats_seg.metrics.functional import dice


@dataclass(frozen=True)
class Choice:
    """The threshold that was chosen, and what it changes.

    Attributes:
        below_mm3: For ``postprocessing.enhancing_below_mm3``.
        before: Mean Dice of enhancing tumour as predicted.
        after: With the threshold.
        cases: How many.
        better: How many of them gain.
        worse: How many lose.
    """

    below_mm3: int
    before: float
    after: float
    cases: int
    better: int
    worse: int


@dataclass(frozen=True)
class Enhancing:
    """The enhancing tumour of one case.

    Attributes:
        volume_mm3: Of the prediction.
        kept: Its Dice as predicted.
        removed: Its Dice without any: 1 where the truth has none, else 0.
    """

    volume_mm3: float
    kept: float
    removed: float

    def dice(self, below_mm3: float) -> float:
        """With :func:`brats_seg.postprocessing.small_enhancing_to_necrosis`."""
        return self.removed if 0 < self.volume_mm3 < below_mm3 else self.kept


def choose_enhancing_threshold(
    predictions: Sequence[Path],
    references: Path,
    *,
    prediction_labels: str | None = None,
    reference_labels: str | None = None,
) -> Choice:
    """The threshold with the highest mean Dice of enhancing tumour.

    Args:
        predictions: Prediction folders, each case predicted by networks that were not trained on it, without
            a threshold; such as one folder per fold.
        references: A case tree or a flat folder of label maps.
        prediction_labels: Name of the label values of the predictions; None: as the JSON beside each records.
        reference_labels: Name of the label values of the references; None: as their file names imply.

    Returns:
        The choice.

    Raises:
        UserError: Predictions and references cannot be compared.
    """
    truths = find_references(references, labels=reference_labels)
    cases: list[Enhancing] = []
    for folder in predictions:
        pairs, _ = find_pairs(folder, truths, labels=prediction_labels)
        cases.extend(_measure(pairs))
    if not cases:
        raise UserError("predictions=[]: expected folders of label maps, found none")
    below = best_threshold(cases)
    before, after = _dices(cases, 0), _dices(cases, below)
    better, worse = int((after > before).sum()), int((after < before).sum())
    return Choice(below, float(before.mean()), float(after.mean()), len(cases), better, worse)


def best_threshold(cases: Sequence[Enhancing]) -> int:
    """The threshold in mm^3 with the highest mean Dice; the smallest of equals, so 0 where nothing is gained.

    >>> best_threshold([Enhancing(3, kept=0, removed=1), Enhancing(20, kept=0.9, removed=0)])
    4
    """
    candidates = sorted({0, *(int(case.volume_mm3) + 1 for case in cases)})
    best, highest = 0, -1.0
    for below in candidates:
        total = sum(case.dice(below) for case in cases)
        if total > highest:
            best, highest = below, total
    return best


def _dices(cases: Sequence[Enhancing], below_mm3: float) -> NDArray[np.float64]:
    return np.array([case.dice(below_mm3) for case in cases])


def _measure(pairs: Sequence[Pair]) -> Iterator[Enhancing]:
    for pair in pairs:
        if pair.prediction is None or pair.reference is None:  # of another fold
            continue
        truth = read_label_map(pair.case, pair.reference)
        prediction = read_label_map(pair.case, pair.prediction, like=truth)
        wanted = truth.array == label_values(pair.reference.labels).enhancing
        found = prediction.array == label_values(pair.prediction.labels).enhancing
        volume_mm3 = np.count_nonzero(found) * float(np.prod(truth.geometry.spacing_mm))
        yield Enhancing(volume_mm3, dice(found, wanted), dice(np.zeros_like(found), wanted))
