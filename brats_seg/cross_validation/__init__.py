"""Sum up finished trainings: experiments, statistics, choice of models, cases that stay hard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brats_seg.lazy import exports

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

# Not at once: torch and matplotlib take seconds.
__getattr__ = exports(
    __name__,
    {
        "Bootstrap": "statistics",
        "Experiment": "experiments",
        "choose_enhancing_threshold": "enhancing_threshold",
        "flag_cases": "hard_cases",
        "read_experiments": "experiments",
        "summarise_runs": "summary",
    },
)
