"""Rates of section 2.5 at every epoch."""

from __future__ import annotations

import math

import pytest

from brats_seg.schedules import cosine_decay


def test_pipeline_a() -> None:
    for e in range(200):
        expected = 1e-4 if e < 100 else 1e-4 * (1 + math.cos(math.pi * (e - 100) / 100)) / 2
        assert cosine_decay(e, 1e-4, 100, 100) == pytest.approx(expected, rel=1e-12)


def test_pipeline_b() -> None:
    assert cosine_decay(0, 1e-4, 0, 400) == 1e-4
    assert cosine_decay(200, 1e-4, 0, 400) == pytest.approx(5e-5)
    assert 0 < cosine_decay(399, 1e-4, 0, 400) < 1e-8
