"""Ranks and how much of them is chance."""

from __future__ import annotations

import numpy as np
import pytest

from brats_seg.artifacts.scores import Row
from brats_seg.errors import UserError
from brats_seg.evaluation.ranking import permutation_test, rank, to_csv

METRICS = ("dice", "hd95")


def rows(dice: list[float | None], hd95: list[float | None]) -> list[Row]:
    pairs = zip(dice, hd95, strict=True)
    return [
        Row(f"case{i}", "ET", metric, value)
        for i, values in enumerate(pairs)
        for metric, value in zip(METRICS, values, strict=True)
    ]


def test_more_dice_and_less_distance_win() -> None:
    found = rank({"worse": rows([0.5, 0.6], [9, 8]), "better": rows([0.7, 0.8], [2, 1])}, METRICS, seed=0)
    assert (found.names, found.scores, found.cases) == (("better", "worse"), (1.0, 2.0), 2)
    assert found.p[0, 1] == 0.25  # one of the four exchanges


def test_ties_share_their_rank_and_undefined_is_best() -> None:
    three = {"a": rows([0.5], [1]), "b": rows([0.5], [None]), "c": rows([0.4], [2])}
    found = rank(three, METRICS, seed=0)
    assert dict(zip(found.names, found.scores, strict=True)) == {"b": 1.25, "a": 1.75, "c": 3.0}


def test_only_cases_that_all_have_count() -> None:
    assert rank({"a": rows([0.5, 0.1], [1, 1]), "b": rows([0.4], [2])}, METRICS, seed=0).cases == 1
    with pytest.raises(UserError, match="nothing to rank"):
        rank({"a": rows([0.5], [1]), "b": []}, METRICS, seed=0)


def test_equal_entrants_are_chance() -> None:
    assert permutation_test(np.zeros(10), np.random.default_rng(0)) == 1.0


def test_drawing_approaches_trying_every_exchange() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, 14)
    every = permutation_test(differences, np.random.default_rng(0))
    drawn = permutation_test(np.concatenate([differences, np.zeros(20)]), np.random.default_rng(1))
    assert 0.01 < every < 0.5
    assert drawn == pytest.approx(every, abs=0.01)


def test_p_values_are_uniform_under_chance() -> None:
    rng = np.random.default_rng(0)
    found = [permutation_test(rng.normal(size=9), rng) for _ in range(300)]
    assert np.mean(np.array(found) < 0.1) == pytest.approx(0.1, abs=0.05)


def test_the_table_says_who_is_ahead_of_whom() -> None:
    found = rank(
        {name: rows([score], [1 - score]) for name, score in (("a", 0.1), ("b", 0.9), ("c", 0.5))},
        METRICS,
        seed=0,
    )
    head, first, *_ = to_csv(found).splitlines()
    assert head == "place,predictions,mean rank,p ahead of c,p ahead of a"
    assert first == "1,b,1.000,0.5,0.5"
