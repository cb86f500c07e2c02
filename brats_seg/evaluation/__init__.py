"""Score label maps against the truth, case by case, in the manner of the BraTS challenges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brats_seg.lazy import exports

if TYPE_CHECKING:
    from brats_seg.evaluation.evaluation import Evaluation, compare, evaluate
    from brats_seg.evaluation.settings import Scoring
    from brats_seg.evaluation.show import show_comparison, show_evaluation

__all__ = ["Evaluation", "Scoring", "compare", "evaluate", "show_comparison", "show_evaluation"]

# Not at once: scipy and matplotlib take a second.
__getattr__ = exports(
    __name__,
    {
        "Evaluation": "evaluation",
        "Scoring": "settings",
        "compare": "evaluation",
        "evaluate": "evaluation",
        "show_comparison": "show",
        "show_evaluation": "show",
    },
)
