"""The results for one case. Covered by tests/inference/test_predict.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brats_seg.artifacts.prediction_folder import MERGED
from brats_seg.cases import LoadedCase
from brats_seg.labels import label_values
from brats_seg.metrics.agreement import agreement
from brats_seg.metrics.volumes import volumes_ml


@dataclass(frozen=True, eq=False)
class Answer:
    """The result of one pipeline, or of both together, for a case.

    Attributes:
        label_map: ``(z, y, x)`` uint8.
        probabilities: ``(region, z, y, x)`` float16, where asked for; never of the merged map, which has
            none.
        uncertainty: ``(region, z, y, x)`` uint8, where asked for.
    """

    label_map: NDArray[np.uint8]
    probabilities: NDArray[np.float16] | None
    uncertainty: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class Prediction:
    """All results for one case.

    Attributes:
        loaded: The case.
        answers: ``a``, ``b`` and, with both, ``merged``.
        labels: Name of the maps' label values.
        precision: Of the forward pass.
        inferer: ``whole_volume`` or ``sliding_window``.
        seconds: From the read case to the label maps.
        warnings: What the user should know.
    """

    loaded: LoadedCase
    answers: Mapping[str, Answer]
    labels: str
    precision: str
    inferer: str
    seconds: float
    warnings: list[str] = field(default_factory=list)

    @property
    def final(self) -> str:
        """Name of the answer that counts: the merged one, or that of the only pipeline."""
        return MERGED if MERGED in self.answers else next(iter(self.answers))

    @cached_property
    def agreement(self) -> dict[str, float]:
        """Region to Dice of the maps of both pipelines; empty where there is one pipeline."""
        if MERGED not in self.answers:
            return {}
        a, b = (self.answers[pipeline].label_map for pipeline in ("a", "b"))
        return agreement(a, b, label_values(self.labels))

    def volumes_ml(self, which: str) -> dict[str, float]:
        """Volumes of the regions in one answer.

        Args:
            which: A key of ``answers``.

        Returns:
            Region to millilitres.
        """
        label_map, labels = self.answers[which].label_map, label_values(self.labels)
        return volumes_ml(label_map, labels, self.loaded.geometry.spacing_mm)
