"""Means over folds, and differences between experiments case by case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from brats_seg.artifacts.evaluation_folder import Row
from brats_seg.cross_validation.experiments import Experiment
from brats_seg.errors import UserError
from brats_seg.evaluation.tables import COLUMNS

SHOWN = ("dice", "hd95")
"""Metrics of the summary."""


@dataclass(frozen=True)
class FoldMean:
    """Mean over the cases of one fold where the metric is defined."""

    experiment: str
    fold: int
    metric: str
    region: str
    mean: float
    cases: int


@dataclass(frozen=True)
class CrossValidated:
    """Mean and standard deviation (n - 1) of the folds' means, as in the paper's Table 2; ``cases`` of all folds together."""

    experiment: str
    metric: str
    region: str
    mean: float
    sd: float | None
    folds: int
    cases: int


@dataclass(frozen=True)
class Difference:
    """``experiment`` minus ``other`` on the cases that both have, which no network of either was trained on.

    Attributes:
        experiment: Name.
        other: Name.
        metric: Key of the metrics.
        region: ET, WT or TC.
        mean: Over the cases.
        low: Of the interval from resampled cases.
        high: Likewise.
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
            for metric in SHOWN:
                for region in COLUMNS:
                    if values := list(_values(rows, metric, region).values()):
                        means.append(
                            FoldMean(each.name, fold, metric, region, float(np.mean(values)), len(values))
                        )
    if not means:
        names = ", ".join(each.name for each in experiments)
        raise UserError(
            f"{names}: expected scores of {' or '.join(SHOWN)}, found no case where one of them is defined"
        )
    return means


def across_folds(means: Sequence[FoldMean]) -> list[CrossValidated]:
    """Per experiment, metric and region, in the order in which they come."""
    found = []
    for key in dict.fromkeys((mean.experiment, mean.metric, mean.region) for mean in means):
        chosen = [mean for mean in means if (mean.experiment, mean.metric, mean.region) == key]
        values = [mean.mean for mean in chosen]
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
        found.append(
            CrossValidated(*key, float(np.mean(values)), sd, len(values), sum(mean.cases for mean in chosen))
        )
    return found


def differences(
    experiments: Sequence[Experiment], *, draws: int, confidence: float, seed: int
) -> list[Difference]:
    """Every experiment against each one before it, per metric and region, where they share at least two cases.

    Args:
        experiments: In the order of the tables.
        draws: Resamples of the cases behind an interval.
        confidence: Of the interval, such as 0.95.
        seed: Of the resampling.
    """
    found = []
    for other, each in combinations(experiments, 2):
        for metric in SHOWN:
            for region in COLUMNS:
                ours, theirs = (_values(e.rows, metric, region) for e in (each, other))
                deltas = np.array([ours[case] - theirs[case] for case in sorted(ours.keys() & theirs.keys())])
                if len(deltas) > 1:
                    low, high = interval(deltas, draws=draws, confidence=confidence, seed=seed)
                    place = (each.name, other.name, metric, region)
                    found.append(
                        Difference(*place, float(deltas.mean()), low, high, signed_rank(deltas), len(deltas))
                    )
    return found


def interval(values: NDArray[np.float64], *, draws: int, confidence: float, seed: int) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean."""
    means = np.random.default_rng(seed).choice(values, (draws, len(values))).mean(1)
    low, high = np.quantile(means, ((1 - confidence) / 2, (1 + confidence) / 2))
    return float(low), float(high)


def signed_rank(differences: NDArray[np.float64]) -> float:
    """Two-sided p of the Wilcoxon signed-rank test; differences of zero are left out, and 1 where there is no other."""
    nonzero = differences[differences != 0]  # scipy would take zeros for ties, and approximate
    return float(wilcoxon(nonzero).pvalue) if len(nonzero) else 1.0


def _values(rows: Sequence[Row], metric: str, region: str) -> dict[str, float]:
    """Case to value, where it is defined."""
    return {r.case: r.value for r in rows if (r.metric, r.region) == (metric, region) and r.value is not None}
