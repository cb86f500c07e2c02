"""Choose the volume below which enhancing tumour becomes necrosis, on predictions that no training saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brats_seg.evaluation.pairs import Pair, find_pairs, find_references
from brats_seg.evaluation.reading import read_label_map
from brats_seg.labels import label_values
from brats_seg.metrics.functional import dice
from brats_seg.postprocessing import Enhancing, best_enhancing_threshold


@dataclass(frozen=True)
class Choice:
    """What was chosen, and what it is worth.

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


def choose_enhancing_threshold(
    predictions: Sequence[Path],
    references: Path,
    *,
    prediction_labels: str | None = None,
    reference_labels: str | None = None,
) -> Choice:
    """The threshold with the highest mean Dice of enhancing tumour.

    Args:
        predictions: Folders of ``<case id>.nii.gz``, each case predicted by networks that were not trained on it, without a
            threshold; those of several folds together.
        references: A case tree or a flat folder of label maps.
        prediction_labels: Label convention of the predictions; None: as their JSON says.
        reference_labels: Label convention of the references; None: as the naming says.

    Raises:
        UserError: What cannot be compared.
    """
    truths = find_references(references, labels=reference_labels)
    cases = [
        each
        for folder in predictions
        for each in _enhancing(find_pairs(folder, truths, labels=prediction_labels)[0])
    ]
    below = best_enhancing_threshold(cases)
    before, after = (np.array([case.dice(t) for case in cases]) for t in (0, below))
    better, worse = (after > before).sum(), (after < before).sum()
    return Choice(below, float(before.mean()), float(after.mean()), len(cases), int(better), int(worse))


def _enhancing(pairs: Sequence[Pair]) -> Iterator[Enhancing]:
    for pair in pairs:
        if pair.prediction is None:  # of another fold
            continue
        truth = read_label_map(pair.case, pair.reference)
        answer = read_label_map(pair.case, pair.prediction, like=truth)
        wanted = truth.array == label_values(pair.reference.labels).enhancing
        found = answer.array == label_values(pair.prediction.labels).enhancing
        volume = np.count_nonzero(found) * float(np.prod(truth.geometry.spacing_mm))
        yield Enhancing(volume, dice(found, wanted), dice(np.zeros_like(found), wanted))
