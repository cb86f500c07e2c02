"""Where memory or the range of 16 bit does not suffice: the same case again, with less at a time or in fp32.

Covered by tests/inference/test_fallback.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from brats_seg.artifacts.bundles import Pipeline
from brats_seg.errors import CaseError
from brats_seg.geometry import Box, bounding_box
from brats_seg.inference.ensemble import Ensemble, Pass
from brats_seg.inference.moments import Moments
from brats_seg.inference.ready import ReadyCase
from brats_seg.inference.settings import Settings
from brats_seg.inference.tta import views
from brats_seg.runtime.memory import TooLarge, is_out_of_memory

Inferer = Literal["whole_volume", "sliding_window"]
EXACT = "32-true"
"""The precision in which a case is predicted again whose probabilities are not finite."""


class Attempt(NamedTuple):
    """How much is computed at a time.

    Attributes:
        inferer: The whole brain, or windows.
        at_once: Views per forward pass; None: as many as memory seems to allow.
    """

    inferer: Inferer
    at_once: int | None


ATTEMPTS = (Attempt("whole_volume", None), Attempt("whole_volume", 1), Attempt("sliding_window", 1))
"""From the fastest to the one that needs least memory."""


class Memory(TooLarge):
    """What was too large for this device, so that later cases do not try it again."""

    def attempts(self, inferer: str, voxels: int) -> Iterator[Attempt]:
        """What to try for a brain, one after the other.

        Args:
            inferer: ``auto``, ``whole_volume`` or ``sliding_window``.
            voxels: Of the box of the brain.

        Yields:
            At least one attempt: the last one is tried even where it was too much before.
        """
        wanted = [attempt for attempt in ATTEMPTS if inferer in ("auto", attempt.inferer)]
        for attempt in wanted:
            if attempt == wanted[-1] or self.allows(attempt, voxels):
                yield attempt


@dataclass(frozen=True, eq=False)
class Sums:
    """The answers of every pipeline for one case.

    Attributes:
        moments: Pipeline to its sums over the box.
        box: Of the brain.
        precision: Of the forward passes.
        inferer: How they were made.
    """

    moments: Mapping[Pipeline, Moments]
    box: Box
    precision: str
    inferer: Inferer


def sum_finite(
    case: ReadyCase,
    ensembles: Mapping[Pipeline, Ensemble],
    settings: Settings,
    tick: Callable[[int, int], None],
    memory: Memory,
) -> Sums:
    """Sum the answers of every pipeline; in fp32 where those in ``settings.precision`` are not finite.

    Args:
        case: To be answered.
        ensembles: Pipeline to its ensemble.
        settings: Views, precision, inferer and uncertainty; no ``auto`` precision.
        tick: Called with (done, of) as views are answered.
        memory: What earlier cases have shown; changed.

    Returns:
        Finite sums.

    Raises:
        CaseError: Probabilities are not finite in fp32 either.
        RuntimeError: Memory does not suffice, or something else is wrong.
        MemoryError: The computer's memory does not suffice.
    """
    for precision in dict.fromkeys((settings.precision, EXACT)):
        sums = _sum_in_memory(case, ensembles, settings, precision, tick, memory)
        if all(bool(moments.total.isfinite().all()) for moments in sums.moments.values()):
            return sums
    expected = "finite probabilities"
    found = "NaN from the network; look for extreme values in the images, or take other bundles"
    raise CaseError(case.loaded.case.id, expected=expected, found=found)


def _sum_in_memory(
    case: ReadyCase,
    ensembles: Mapping[Pipeline, Ensemble],
    settings: Settings,
    precision: str,
    tick: Callable[[int, int], None],
    memory: Memory,
) -> Sums:
    """With less at a time where memory does not suffice; all pipelines in the same way."""
    brain = bounding_box(case.brain) or Box((0, 0, 0), case.loaded.geometry.shape)
    z, y, x = brain.shape
    voxels = z * y * x
    attempts = list(memory.attempts(settings.inferer, voxels))
    for attempt in attempts:
        how = Pass(
            views=views(settings.tta),
            precision=precision,
            windows=attempt.inferer == "sliding_window",
            spread=settings.uncertainty == "variance",
            at_once=attempt.at_once,
            layout=next(iter(ensembles.values())).layout,
        )
        try:
            moments, box = _sum_pipelines(case, ensembles, how, tick)
            return Sums(moments, box, precision, attempt.inferer)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or attempt == attempts[-1]:
                raise
        memory.note(attempt, voxels)
        # Outside of the handler, which would keep the tensors alive; does nothing on a CPU.
        torch.cuda.empty_cache()
    raise AssertionError("unreachable")


def _sum_pipelines(
    case: ReadyCase, ensembles: Mapping[Pipeline, Ensemble], how: Pass, tick: Callable[[int, int], None]
) -> tuple[dict[Pipeline, Moments], Box]:
    of = len(how.views) * sum(ensemble.size for ensemble in ensembles.values())
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        tick(done, of)

    sums: dict[Pipeline, Moments] = {}
    box = None
    for pipeline, ensemble in ensembles.items():
        sums[pipeline], box = ensemble(case, how, count)
    assert box is not None  # there is always one pipeline
    return sums, box
