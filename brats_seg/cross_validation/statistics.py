"""Means over folds, and differences between experiments case by case.

Covered by tests/cross_validation/test_summary.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from brats_seg.artifacts.scores import defined_values
from brats_seg.cross_validation.experiments import Experiment
from brats_seg.errors import UserError
from brats_seg.evaluation.paper import COLUMNS

SHOWN = ("dice", "hd95")
"""Metrics of the summary."""
CELLS = tuple(product(SHOWN, COLUMNS))
"""Metric and region, in the order of the tables."""


@dataclass(frozen=True)
class Bootstrap:
    """How the interval of a mean is found: from means over cases drawn with replacement.

    Attributes:
        draws: How many.
        confidence: Of the interval, such as 0.95.
        seed: Of the draws.
    """

    draws: int
    confidence: float
    seed: int

    def interval(self, values: NDArray[np.float64]) -> tuple[float, float]:
        """The percentile interval of the mean of ``(case,)``."""
        drawn = np.random.default_rng(self.seed).choice(values, (self.draws, len(values)))
        ends = ((1 - self.confidence) / 2, (1 + self.confidence) / 2)
        low, high = np.quantile(drawn.mean(1), ends)
        return float(low), float(high)


@dataclass(frozen=True)
class FoldMean:
    """Mean over the cases of one fold where the metric is defined."""

    experiment: str
    fold: int
    metric: str
    region: str
    mean: float
    cases: int
    what_differs: str = ""


@dataclass(frozen=True)
class CrossValidated:
    """Mean and standard deviation (n - 1) of the folds' means (paper, Table 2); ``cases`` of all folds."""

    experiment: str
    metric: str
    region: str
    mean: float
    sd: float | None
    folds: int
    cases: int
    what_differs: str = ""


@dataclass(frozen=True)
class Difference:
    """``experiment`` minus ``other`` on the cases that both have, which no network of either was trained on.

    Attributes:
        experiment: Name.
        other: Name.
        metric: Name of the metric.
        region: ET, WT or TC.
        mean: Over the cases.
        low: Lower end of the interval from resampled cases.
        high: Upper end of that interval.
        p: Two-sided Wilcoxon signed-rank test, not corrected for the number of comparisons.
        cases: How many.
    """

    experiment: str
    other: str
    metric: str
    region: str
    mean: float
    low: float
    high: float
    p: float
    cases: int


def fold_means(experiments: Sequence[Experiment]) -> list[FoldMean]:
    """Per experiment, fold, metric and region.

    Raises:
        UserError: There is none.
    """
    means = []
    for each in experiments:
        for fold, rows in each.folds.items():
            for metric, region in CELLS:
                values = list(defined_values(rows, metric, region).values())
                if values:
                    mean = float(np.mean(values))
                    place = (each.name, fold, metric, region)
                    means.append(FoldMean(*place, mean, len(values), each.what_differs))
    if not means:
        names = ", ".join(each.name for each in experiments)
        expected = f"scores of {' or '.join(SHOWN)}"
        raise UserError(f"{names}: expected {expected}, found no case where one of them is defined")
    return means


def across_folds(means: Sequence[FoldMean]) -> list[CrossValidated]:
    """Per experiment, metric and region, in the order in which they come."""
    groups: dict[tuple[str, str, str], list[FoldMean]] = {}
    for mean in means:
        groups.setdefault((mean.experiment, mean.metric, mean.region), []).append(mean)
    found = []
    for key, group in groups.items():
        values = [mean.mean for mean in group]
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
        cases = sum(mean.cases for mean in group)
        differs = group[0].what_differs
        found.append(CrossValidated(*key, float(np.mean(values)), sd, len(values), cases, differs))
    return found


def find_differences(experiments: Sequence[Experiment], bootstrap: Bootstrap) -> list[Difference]:
    """Compare every experiment with each one before it, where the two share at least two cases.

    Args:
        experiments: In the order of the tables.
        bootstrap: Of the interval of each difference.

    Returns:
        The differences, in the order of the tables.
    """
    found = []
    for other, each in combinations(experiments, 2):
        for metric, region in CELLS:
            deltas = _paired_differences(each, other, metric, region)
            if len(deltas) > 1:
                place = (each.name, other.name, metric, region)
                low, high = bootstrap.interval(deltas)
                p = signed_rank(deltas)
                found.append(Difference(*place, float(deltas.mean()), low, high, p, len(deltas)))
    return found


def signed_rank(differences: NDArray[np.float64]) -> float:
    """Two-sided p of the Wilcoxon signed-rank test; zeros are left out; 1 where nothing is left."""
    nonzero = differences[differences != 0]  # scipy would take zeros for ties, and approximate
    return float(wilcoxon(nonzero).pvalue) if len(nonzero) else 1.0


def _paired_differences(one: Experiment, other: Experiment, metric: str, region: str) -> NDArray[np.float64]:
    """``one`` minus ``other`` on the cases of both, sorted by case."""
    ours = defined_values(one.rows, metric, region)
    theirs = defined_values(other.rows, metric, region)
    shared = sorted(ours.keys() & theirs.keys())
    return np.array([ours[case] - theirs[case] for case in shared])
