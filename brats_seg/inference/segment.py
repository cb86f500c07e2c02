"""One case, from what was read of it to its label maps.

No files, no frameworks. Covered by test_predict.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.artifacts.bundles import Pipeline
from brats_seg.artifacts.prediction_folder import MERGED
from brats_seg.cases import LoadedCase
from brats_seg.errors import CaseError
from brats_seg.geometry import Box
from brats_seg.inference.answers import Answer, Prediction
from brats_seg.inference.ensemble import Ensemble
from brats_seg.inference.fallback import Memory, sum_finite
from brats_seg.inference.label_map import label_map
from brats_seg.inference.merge import merge_label_maps
from brats_seg.inference.moments import Moments
from brats_seg.inference.ready import ReadyCase
from brats_seg.inference.settings import Settings
from brats_seg.inference.uncertainty import uncertainty
from brats_seg.labels import LabelValues, label_values
from brats_seg.postprocessing import remove_small_components, small_enhancing_to_necrosis
from brats_seg.runtime.precision import prediction_precision


def segment(
    case: LoadedCase | ReadyCase,
    ensembles: Mapping[Pipeline, Ensemble],
    settings: Settings,
    tick: Callable[[int, int], None] = lambda done, of: None,
    memory: Memory | None = None,
) -> Prediction:
    """Segment one case with the ensembles of one or both pipelines.

    Args:
        case: To be segmented.
        ensembles: Pipeline to its ensemble.
        settings: Views, precision and everything else that shapes the label maps.
        tick: Called with (done, of) as views are answered.
        memory: What earlier cases have shown about the device; changed. None: nothing.

    Returns:
        The label maps and all that was asked for besides.

    Raises:
        CaseError: There is no brain, nothing tells the label values to write, or no finite answer can be had.
    """
    began = time.perf_counter()
    ready = case if isinstance(case, ReadyCase) else ReadyCase(case)
    loaded = ready.loaded
    name = _label_values(loaded, settings)
    warnings = [f"no {modality}: its channel was zero" for modality in loaded.missing]
    warnings += loaded.notes
    if not (settings.labels_output or loaded.case.labels):
        warnings.append(f"the naming tells no label values: written as {name}")
    device = next(next(iter(ensembles.values())).parameters()).device
    asked = replace(settings, precision=prediction_precision(settings.precision, device.type))
    sums = sum_finite(ready, ensembles, asked, tick, memory or Memory())
    if sums.precision != asked.precision:
        warnings.append(f"probabilities in {asked.precision} were not finite: predicted in fp32")
    if settings.inferer == "auto" and sums.inferer == "sliding_window":
        warnings.append("memory did not suffice for the whole brain: a sliding window was used")
    answers = _Decision(ready, sums.box, settings, label_values(name)).answers(sums.moments)
    seconds = time.perf_counter() - began
    return Prediction(loaded, answers, name, sums.precision, sums.inferer, seconds, warnings)


def _label_values(loaded: LoadedCase, settings: Settings) -> str:
    """Name of the label values to write."""
    name = settings.labels_output or loaded.case.labels or settings.labels_input
    if name is None:
        expected = "labels.output=NAME, because its naming tells no label values"
        raise CaseError(loaded.case.id, expected=expected, found="none")
    return name


class _Decision:
    """From the sums over the box of the brain to label maps of the whole volume."""

    def __init__(self, case: ReadyCase, box: Box, settings: Settings, target: LabelValues) -> None:
        self.box, self.settings, self.target = box, settings, target
        self.brain = case.brain
        self.shape = case.loaded.geometry.shape
        self.voxel_mm3 = float(np.prod(case.loaded.geometry.spacing_mm))

    def answers(self, sums: Mapping[Pipeline, Moments]) -> dict[str, Answer]:
        """The answer of each pipeline and, with both, the merged one; only the last is postprocessed."""
        answers = {str(pipeline): self.decide(moments) for pipeline, moments in sums.items()}
        if len(answers) > 1:
            merged = merge_label_maps(answers["a"].label_map, answers["b"].label_map, self.target)
            answers[MERGED] = Answer(merged, None, self.doubt(sums["a"] + sums["b"]))
        final = list(answers)[-1]
        last = answers[final]
        answers[final] = Answer(self.clean(last.label_map), last.probabilities, last.uncertainty)
        return answers

    def decide(self, moments: Moments) -> Answer:
        """The answer of one pipeline."""
        mean = moments.mean.cpu().numpy()
        probabilities = self.whole(mean.astype(np.float16)) if self.settings.probabilities else None
        decided = label_map(mean, self.box, self.brain, self.target, self.settings.threshold)
        return Answer(decided, probabilities, self.doubt(moments))

    def doubt(self, moments: Moments) -> NDArray[np.uint8] | None:
        """The uncertainty of the whole volume, where it is asked for."""
        kind = self.settings.uncertainty
        return None if kind is None else self.whole(uncertainty(moments, kind))

    def whole(self, crop: NDArray[Any]) -> NDArray[Any]:
        """Paste the box of the brain into a volume of zeros; zero outside of the brain."""
        pasted: NDArray[Any] = self.box.paste(crop, self.shape) * self.brain
        return pasted

    def clean(self, label_map: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Without small components and small enhancing tumours, where that is asked for."""
        components, enhancing = self.settings.components_below_mm3, self.settings.enhancing_below_mm3
        kept = remove_small_components(label_map, below_mm3=components, voxel_mm3=self.voxel_mm3)
        return small_enhancing_to_necrosis(kept, self.target, below_mm3=enhancing, voxel_mm3=self.voxel_mm3)
