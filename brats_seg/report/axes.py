"""Vertical axes of charts, and the size of what they measure. Covered by tests/report/test_charts.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 240, 58, 12, 12, 40
"""Of every chart and its margins, in SVG units."""
FRAME_WIDTH, FRAME_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
"""Between the margins."""
RUNGS_MM = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Ticks of a logarithmic axis of distances, beside 0."""


@dataclass(frozen=True)
class Axis:
    """A vertical axis from its first tick at the bottom to its last at the top, even in ``scale``."""

    ticks: tuple[float, ...]
    scale: Callable[[float], float] = float

    def y(self, value: float) -> float:
        """Where a value lies."""
        low, high = self.scale(self.ticks[0]), self.scale(self.ticks[-1])
        return TOP + FRAME_HEIGHT * (high - self.scale(value)) / (high - low)


def linear_axis(values: Sequence[float]) -> Axis:
    """Even ticks from 0, or from below it where a value is negative."""
    low, high = min([*values, 0.0]), max([*values, 0.0]) if values else 1.0
    step = tick_step((high - low) or 1)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    ticks = [step * n for n in range(first, max(last, first + 1) + 1)]
    return Axis(tuple(ticks))


def distance_axis(values: Sequence[float], penalty: float) -> Axis:
    """Millimetres from 0 to the first tick above every value, in logarithmic steps.

    Args:
        values: Distances in mm.
        penalty: The distance of a missed structure in mm, one of the ticks.

    Returns:
        The axis.
    """
    high = max(values, default=1.0)
    rungs = [0.0]
    for rung in (*(each for each in RUNGS_MM if each < penalty), penalty, math.ceil(high)):
        if len(rungs) > 1 and rungs[-1] >= high - 1e-9:
            break
        rungs.append(rung)
    return Axis(tuple(rungs), math.log1p)


def power_axis(values: Sequence[float]) -> Axis:
    """Powers of ten around values that are positive, and 2 and 5 times them where there are few."""
    low, high = (min(values), max(values)) if values else (0.1, 1.0)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high) + 1e-9)
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    rungs = []
    for power in range(first, last):
        rungs += [float(f"{factor}e{power}") for factor in factors]
    return Axis((*rungs, float(f"1e{last}")), math.log10)


def tick_step(span: float) -> float:
    """1, 2 or 5 times a power of ten, at most six to the span."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    for factor in (1, 2, 5):
        if span / (power * factor) <= 6:
            return power * factor
    return power * 10
