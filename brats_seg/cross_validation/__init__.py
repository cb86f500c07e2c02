"""Sum up finished trainings: experiments, statistics, choice of models, cases that stay hard."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brats_seg.cross_validation.enhancing_threshold import choose_enhancing_threshold
    from brats_seg.cross_validation.experiments import Experiment, read_experiments
    from brats_seg.cross_validation.hard_cases import flag_cases
    from brats_seg.cross_validation.statistics import Bootstrap
    from brats_seg.cross_validation.summary import summarise_runs

__all__ = [
    "Bootstrap",
    "Experiment",
    "choose_enhancing_threshold",
    "flag_cases",
    "read_experiments",
    "summarise_runs",
]

_MODULES = {
    "Bootstrap": "statistics",
    "Experiment": "experiments",
    "choose_enhancing_threshold": "enhancing_threshold",
    "flag_cases": "hard_cases",
    "read_experiments": "experiments",
    "summarise_runs": "summary",
}


def __getattr__(name: str) -> Any:
    # Not at once: torch and matplotlib take seconds.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(name)
