"""Rank several prediction folders as the challenge does, and test whether their order may be chance."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from brats_seg.artifacts.scores import Row
from brats_seg.errors import UserError
from brats_seg.evaluation.measures import METRICS

DRAWS = 100_000
"""Exchanges that the permutation test draws where there are more than so many."""


@dataclass(frozen=True)
class Ranking:
    """Entrants, best first.

    Attributes:
        names: Of the entrants.
        scores: Mean rank of each over cases, regions and metrics; 1 is the best there can be.
        p: ``(entrant, entrant)``: probability that chance alone puts the entrant of the row at least so far
            ahead of the entrant of the column. Above the diagonal; NaN elsewhere.
        cases: How many cases all entrants have.
    """

    names: tuple[str, ...]
    scores: tuple[float, ...]
    p: NDArray[np.float64]
    cases: int


def rank(entrants: Mapping[str, Sequence[Row]], metrics: Sequence[str], *, seed: int) -> Ranking:
    """Rank per case, region and metric; then the mean per case over regions and metrics; then over cases.

    Source: Bakas et al. 2018, section 3.3. Equal values share the mean of their ranks. An undefined value is
        the best: there
    was nothing to find, and nothing was predicted.

    Args:
        entrants: Name to scores. Cases that not all of them have are left out.
        metrics: Those that count.
        seed: Of the permutation test.

    Returns:
        The entrants, best first.

    Raises:
        UserError: No case that all entrants have.
    """
    per_case = _ranks(entrants, metrics)
    order = np.argsort(per_case.mean(0), kind="stable")
    per_case = per_case[:, order]
    p = np.full((len(order), len(order)), np.nan)
    for better, worse in zip(*np.triu_indices(len(order), 1), strict=True):
        ahead = per_case[:, worse] - per_case[:, better]
        p[better, worse] = permutation_test(ahead, np.random.default_rng(seed))
    names = list(entrants)
    return Ranking(tuple(names[i] for i in order), tuple(map(float, per_case.mean(0))), p, len(per_case))


def permutation_test(differences: NDArray[np.float64], generator: np.random.Generator) -> float:
    """One-sided: share of exchanges of two entrants, case by case, with at least as large a mean difference.

    Every exchange is tried where there are at most :data:`DRAWS`; else so many are drawn, and the one
    observed counts too.

    Args:
        differences: ``(case,)``: rank of the one minus rank of the other.
        generator: For the draws.

    Returns:
        The p-value.
    """
    observed = differences.sum() - 1e-9  # sums of the same numbers in another order may differ by rounding
    if 2 ** len(differences) <= DRAWS:
        signs = np.array(list(product((-1, 1), repeat=len(differences))))
        return float((signs @ differences >= observed).mean())
    hits = 0
    for _ in range(DRAWS // 1000):
        signs = 2 * generator.integers(0, 2, (1000, len(differences)), np.int8) - 1
        hits += int((signs @ differences >= observed).sum())
    return (hits + 1) / (DRAWS + 1)


def to_csv(ranking: Ranking) -> str:
    """One line per entrant: place, name, mean rank, and the p-value of being ahead of each later one."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_table(ranking))
    return text.getvalue()


def to_terminal(ranking: Ranking) -> Table:
    """The ranking for a terminal."""
    head, *lines = _table(ranking)
    table = Table(
        *head, title=f"Mean rank over {ranking.cases} cases", title_justify="left", title_style="bold"
    )
    for line in lines:
        table.add_row(*line)
    return table


def to_markdown(ranking: Ranking, convention: str, metrics: Sequence[str]) -> str:
    """The ranking as a Markdown table.

    Args:
        ranking: Of the entrants.
        convention: Name of the scoring convention.
        metrics: Those that count.

    Returns:
        Markdown.
    """
    head, *rows = _table(ranking)
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "--:|" * (len(head) - 2)]
    for row in rows:
        lines.append(f"| {' | '.join(row)} |")
    titles = " and ".join(METRICS[metric].title for metric in metrics)
    lines += [
        "",
        f"Rank per case and region of {titles}; {ranking.cases} cases, convention {convention}.",
        "",
    ]
    return "\n".join(lines)


def _table(ranking: Ranking) -> list[list[str]]:
    later = ranking.names[1:]
    table = [["place", "predictions", "mean rank", *(f"p ahead of {name}" for name in later)]]
    for place, (name, score) in enumerate(zip(ranking.names, ranking.scores, strict=True), 1):
        row = [str(place), name, f"{score:.3f}"]
        for p in ranking.p[place - 1, 1:]:
            row.append("" if np.isnan(p) else f"{p:.3g}")
        table.append(row)
    return table


def _ranks(entrants: Mapping[str, Sequence[Row]], metrics: Sequence[str]) -> NDArray[np.float64]:
    """``(case, entrant)``: mean rank over regions and metrics."""
    from scipy.stats import rankdata  # takes a third of a second, and most evaluations rank nothing

    tables = [_by_case(rows, metrics) for rows in entrants.values()]
    cases = sorted(set(tables[0]).intersection(*tables[1:]))
    if not cases:
        raise UserError("nothing to rank: no case was scored in every folder")
    costs = []
    for case in cases:
        columns = [table[case] for table in tables]
        of_case = []
        for region, metric in sorted(columns[0]):
            of_case.append([_cost(metric, own[region, metric]) for own in columns])
        costs.append(of_case)
    mean: NDArray[np.float64] = rankdata(costs, axis=-1).mean(1)
    return mean


def _by_case(rows: Sequence[Row], metrics: Sequence[str]) -> dict[str, dict[tuple[str, str], float | None]]:
    """Case id to ``(region, metric)`` to value, of the metrics that count."""
    found: dict[str, dict[tuple[str, str], float | None]] = {}
    for row in rows:
        if row.metric in metrics:
            found.setdefault(row.case, {})[row.region, row.metric] = row.value
    return found


def _cost(metric: str, value: float | None) -> float:
    """Lower is better."""
    if value is None:
        return -np.inf
    return -value if METRICS[metric].better == "higher" else value
