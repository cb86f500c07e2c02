"""Score label maps against the truth, case by case, in the manner of the BraTS challenges."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brats_seg.evaluation.evaluation import Evaluation, compare, evaluate
    from brats_seg.evaluation.settings import Scoring
    from brats_seg.evaluation.show import show_comparison, show_evaluation

__all__ = ["Evaluation", "Scoring", "compare", "evaluate", "show_comparison", "show_evaluation"]

_MODULES = {
    "Evaluation": "evaluation",
    "Scoring": "settings",
    "compare": "evaluation",
    "evaluate": "evaluation",
    "show_comparison": "show",
    "show_evaluation": "show",
}


def __getattr__(name: str) -> Any:
    # Not at once: scipy and matplotlib take a second.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(name)
