"""Where memory does not suffice: the same case again, with less at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch

from brats_seg.artifacts.bundles import Pipeline
from brats_seg.cases import LoadedCase
from brats_seg.geometry import Box
from brats_seg.inference.ensemble import Ensemble, Pass
from brats_seg.inference.moments import Moments
from brats_seg.inference.settings import Settings
from brats_seg.inference.tta import views

Inferer = Literal["whole_volume", "sliding_window"]
OUT_OF_MEMORY = ("can't allocate memory", "ALLOC_FAILED", "ALLOCATION_FAILED")
"""Words of the CPU's allocator, of cuBLAS and cuDNN up to 8, and of cuDNN 9."""


def sum_views(
    loaded: LoadedCase,
    ensembles: Mapping[Pipeline, Ensemble],
    settings: Settings,
    precision: str,
    tick: Callable[[int, int], None],
) -> tuple[dict[Pipeline, Moments], Box, Inferer]:
    """Sum the answers of every pipeline, all by the same inferer.

    Args:
        loaded: The case.
        ensembles: Pipeline to its ensemble.
        settings: Views, inferer and uncertainty.
        precision: As for :func:`brats_seg.runtime.precision.arithmetic`.
        tick: Called with (done, of) as views are answered.

    Returns:
        Pipeline to its sums; the box of the brain; how they were made.

    Raises:
        RuntimeError: Memory does not suffice, or something else is wrong.
        MemoryError: The computer's memory does not suffice.
    """
    attempts = _attempts(settings.inferer)
    for number, (inferer, at_once) in enumerate(attempts, 1):
        how = Pass(
            views=views(settings.tta),
            precision=precision,
            windows=inferer == "sliding_window",
            spread=settings.uncertainty == "variance",
            at_once=at_once,
            layout=next(iter(ensembles.values())).layout,
        )
        try:
            sums, box = _sum_pipelines(loaded, ensembles, how, tick)
            return sums, box, inferer
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or number == len(attempts):
                raise
        # Outside of the handler, which would keep the tensors alive; does nothing on a CPU.
        torch.cuda.empty_cache()
    raise AssertionError("unreachable")


def _attempts(inferer: str) -> list[tuple[Inferer, int | None]]:
    """Inferer and views at once of each attempt; None: as many as memory allows."""
    windows: list[tuple[Inferer, int | None]] = [("sliding_window", 1)]
    whole: list[tuple[Inferer, int | None]] = [("whole_volume", None), ("whole_volume", 1)]
    return {"sliding_window": windows, "whole_volume": whole, "auto": whole + windows}[inferer]


def _sum_pipelines(
    loaded: LoadedCase, ensembles: Mapping[Pipeline, Ensemble], how: Pass, tick: Callable[[int, int], None]
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
        sums[pipeline], box = ensemble(loaded, how, count)
    assert box is not None  # there is always one pipeline
    return sums, box


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory did not suffice, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error) for words in OUT_OF_MEMORY)
