"""Rates and snapshots of section 2.5 at every epoch."""

from __future__ import annotations

import math

import pytest

from brats_seg.schedules import cosine_decay, cyclic_swa, swa_snapshot_epochs


def test_pipeline_a() -> None:
    for e in range(200):
        expected = 1e-4 if e < 100 else 1e-4 * (1 + math.cos(math.pi * (e - 100) / 100)) / 2
        assert cosine_decay(e, 1e-4, 100, 100) == pytest.approx(expected, rel=1e-12)


def test_pipeline_b() -> None:
    for e in range(400):
        assert cosine_decay(e, 1e-4, 0, 400) == pytest.approx(
            1e-4 * (1 + math.cos(math.pi * e / 400)) / 2, rel=1e-12
        )
    assert cosine_decay(0, 1e-4, 0, 400) == 1e-4
    assert 0 < cosine_decay(399, 1e-4, 0, 400) < 1e-8


def test_cycles_of_weight_averaging() -> None:
    rates = [cyclic_swa(e, 5e-5, 200, 30, 30) for e in range(200, 350)]
    for e, rate in enumerate(rates):
        assert rate == pytest.approx(5e-5 * (1 + math.cos(math.pi * (e % 30) / 30)) / 2, rel=1e-12)
    assert rates[:30] * 5 == rates
    assert rates[0] == 5e-5


def test_cosine_of_the_released_code_ends_above_zero() -> None:
    rates = [cyclic_swa(e, 5e-5, 200, 30, 40) for e in range(200, 350)]
    assert min(rates) == pytest.approx(5e-5 * (1 + math.cos(math.pi * 29 / 40)) / 2)


def test_fifty_snapshots_and_the_fifty_one_of_the_released_code() -> None:
    epochs = swa_snapshot_epochs(200, 5, 30, 3, count_base=False)
    assert epochs == list(range(202, 350, 3))
    assert len(epochs) == 50
    assert swa_snapshot_epochs(200, 5, 30, 3, count_base=True) == [199, *epochs]


def test_snapshots_count_within_their_cycle() -> None:
    assert swa_snapshot_epochs(10, 2, 5, 2, count_base=False) == [11, 13, 16, 18]
