"""One case, from what was read of it to its label maps. No files, no frameworks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from brats_seg.artifacts.bundles import Pipeline
from brats_seg.cases import LoadedCase
from brats_seg.errors import CaseError
from brats_seg.geometry import Box
from brats_seg.inference.ensemble import Ensemble, Moments
from brats_seg.inference.label_map import label_map
from brats_seg.inference.merge import MERGED, merge_label_maps
from brats_seg.inference.settings import Settings
from brats_seg.inference.tta import views
from brats_seg.inference.uncertainty import uncertainty
from brats_seg.labels import LabelValues, label_values
from brats_seg.postprocessing import remove_small_components, small_enhancing_to_necrosis
from brats_seg.preprocessing import brain_mask
from brats_seg.runtime.precision import default_precision


@dataclass(frozen=True, eq=False)
class Answer:
    """What one pipeline, or both together, say about a case.

    Attributes:
        label_map: ``(z, y, x)`` uint8.
        probabilities: ``(region, z, y, x)`` float16, where asked for; never of the merged map, which has none.
        uncertainty: ``(region, z, y, x)`` uint8, where asked for.
    """

    label_map: NDArray[np.uint8]
    probabilities: NDArray[np.float16] | None
    uncertainty: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was decided for one case.

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
        """Whose answer counts: the merged one, or that of the only pipeline."""
        return MERGED if MERGED in self.answers else next(iter(self.answers))


def segment(
    loaded: LoadedCase,
    ensembles: Mapping[Pipeline, Ensemble],
    settings: Settings,
    tick: Callable[[int, int], None] = lambda done, of: None,
) -> Prediction:
    """Segment one case with the ensembles of one or both pipelines.

    Args:
        loaded: The case.
        ensembles: Pipeline to its ensemble.
        settings: How.
        tick: Called with (done, of) as views are answered.

    Raises:
        CaseError: There is no brain, or no label values to answer in.
    """
    began = time.perf_counter()
    name = settings.labels_output or loaded.case.labels or settings.labels_input
    if name is None:
        raise CaseError(
            loaded.case.id,
            expected="labels.output=NAME, because its naming tells no label values",
            found="none",
        )
    warnings = [f"no {modality}: its channel was zero" for modality in loaded.missing]
    if not (settings.labels_output or loaded.case.labels):
        warnings.append(f"the naming tells no label values: written as {name}")
    device = next(next(iter(ensembles.values())).parameters()).device
    precision = default_precision(device.type) if settings.precision == "auto" else settings.precision
    sums, box, inferer = _whole_or_windows(loaded, ensembles, settings, precision, tick)
    if settings.inferer == "auto" and inferer == "sliding_window":
        warnings.append("memory did not suffice for the whole brain: a sliding window was used")
    answers = _decide(loaded, sums, box, settings, label_values(name))
    return Prediction(loaded, answers, name, precision, inferer, time.perf_counter() - began, warnings)


def _whole_or_windows(
    loaded: LoadedCase,
    ensembles: Mapping[Pipeline, Ensemble],
    settings: Settings,
    precision: str,
    tick: Callable[[int, int], None],
) -> tuple[dict[Pipeline, Moments], Box, str]:
    """Every pipeline's sums, all by the same inferer: where memory does not suffice, again with less at a time."""
    attempts: list[tuple[str, int | None]] = [("sliding_window", 1)]
    if settings.inferer != "sliding_window":
        attempts = [("whole_volume", None), ("whole_volume", 1)] + (
            attempts if settings.inferer == "auto" else []
        )
    chosen = views(settings.tta)
    of = len(chosen) * sum(ensemble.size for ensemble in ensembles.values())
    for number, (inferer, at_once) in enumerate(attempts, 1):
        done = 0

        def count() -> None:
            nonlocal done
            done += 1
            tick(done, of)

        try:
            sums: dict[Pipeline, Moments] = {}
            box = None
            for pipeline, ensemble in ensembles.items():
                sums[pipeline], box = ensemble(
                    loaded,
                    chosen,
                    precision=precision,
                    windows=inferer == "sliding_window",
                    spread=settings.uncertainty == "variance",
                    at_once=at_once,
                    tick=count,
                )
            assert box is not None  # there is always one pipeline
            return sums, box, inferer
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or number == len(attempts):
                raise
        torch.cuda.empty_cache()  # outside of the handler, which would keep the tensors alive; does nothing on a CPU
    raise AssertionError("unreachable")


def out_of_memory(error: BaseException) -> bool:
    """Whether it says that memory did not suffice, on whichever device."""
    # Of the CPU's allocator, of cuBLAS and cuDNN up to 8, of cuDNN 9.
    said = ("can't allocate memory", "ALLOC_FAILED", "ALLOCATION_FAILED")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        words in str(error) for words in said
    )


def _decide(
    loaded: LoadedCase, sums: Mapping[Pipeline, Moments], box: Box, settings: Settings, target: LabelValues
) -> dict[str, Answer]:
    brain, shape = brain_mask(loaded.image), loaded.geometry.shape

    def whole(crop: NDArray[Any]) -> NDArray[Any]:
        pasted: NDArray[Any] = box.paste(crop, shape) * brain
        return pasted

    def doubt(moments: Moments) -> NDArray[np.uint8] | None:
        return None if settings.uncertainty is None else whole(uncertainty(moments, settings.uncertainty))

    answers: dict[str, Answer] = {}
    for pipeline, moments in sums.items():
        mean = moments.mean.cpu().numpy()
        probabilities = whole(mean.astype(np.float16)) if settings.probabilities else None
        answers[pipeline] = Answer(
            label_map(mean, box, brain, target, settings.threshold), probabilities, doubt(moments)
        )
    if len(answers) > 1:
        merged = merge_label_maps(answers["a"].label_map, answers["b"].label_map, target)
        answers[MERGED] = Answer(merged, None, doubt(sums["a"] + sums["b"]))
    final = list(answers)[-1]
    answers[final] = replace(
        answers[final], label_map=_clean(answers[final].label_map, loaded, settings, target)
    )
    return answers


def _clean(
    label_map: NDArray[np.uint8], loaded: LoadedCase, settings: Settings, target: LabelValues
) -> NDArray[np.uint8]:
    voxel_mm3 = float(np.prod(loaded.geometry.spacing_mm))
    kept = remove_small_components(label_map, below_mm3=settings.components_below_mm3, voxel_mm3=voxel_mm3)
    return small_enhancing_to_necrosis(
        kept, target, below_mm3=settings.enhancing_below_mm3, voxel_mm3=voxel_mm3
    )
