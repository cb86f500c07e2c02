"""The results of the paper (Henry et al. 2020, Tables 2 to 4), to be shown beside our own.

Covered by tests/evaluation/test_evaluation.py.
"""

from __future__ import annotations

COLUMNS = ("ET", "WT", "TC")
"""Regions in the order of the paper's tables."""
VALIDATION, TEST = "paper, validation", "paper, test"

FOLD_DICE = {
    "plain": ((0.8077, 0.011), (0.9070, 0.006), (0.8705, 0.013)),
    "+ patient removal": ((0.8126, 0.019), (0.9043, 0.005), (0.8686, 0.012)),
    "+ attention": ((0.8144, 0.022), (0.9037, 0.008), (0.8701, 0.018)),
}
"""Table 2: model to mean and standard deviation over the folds of Dice, in the order of :data:`COLUMNS`."""

MEANS: dict[str, dict[str, tuple[float, float, float]]] = {
    "dice_a": {VALIDATION: (0.80585, 0.89518, 0.85415)},
    "dice_b": {VALIDATION: (0.72738, 0.91123, 0.84921)},
    "dice": {VALIDATION: (0.80585, 0.91148, 0.85416), TEST: (0.78507, 0.88595, 0.84273)},
    "sensitivity": {VALIDATION: (0.81488, 0.91938, 0.84485), TEST: (0.81308, 0.91690, 0.85934)},
    "specificity": {VALIDATION: (0.99970, 0.99915, 0.99963), TEST: (0.99967, 0.99905, 0.99964)},
    "hd95": {VALIDATION: (20.55756, 4.30103, 5.69298), TEST: (20.36071, 6.66665, 19.54915)},
}
"""Tables 3 and 4: metric to means over the cases of a data set, in the order of :data:`COLUMNS`."""
