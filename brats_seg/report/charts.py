"""Charts as SVG text in the page's own colours, so that they follow light, dark and print."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

import numpy as np

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 240, 58, 12, 12, 40
"""Of every chart and its margins, in SVG units."""
ROW = 18
"""Height of a line of the legend, below the chart."""
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """The vertical axis: from its first tick at the bottom to its last at the top, even in ``scale`` of the values."""

    ticks: tuple[float, ...]
    scale: Callable[[float], float] = float

    def y(self, value: float) -> float:
        """Where a value lies."""
        low, high = self.scale(self.ticks[0]), self.scale(self.ticks[-1])
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - self.scale(value)) / (high - low)


def box_plot(
    groups: Mapping[str, Sequence[tuple[str, float]]],
    *,
    label: str,
    digits: int,
    pages: frozenset[str] = frozenset(),
    penalty: float | None = None,
) -> str:
    """A box per group (quartiles, whiskers to the last value within 1.5 ranges), and every case as a dot.

    Args:
        groups: Name to case ids and values, at least one.
        label: What is shown, for those who cannot see it.
        digits: After the point.
        pages: Cases whose dot leads to their page.
        penalty: What a missed structure is given, far beyond what is measured, where the values have one; the axis is then
            logarithmic, or one such case would hide all others.
    """
    values = [value for group in groups.values() for _, value in group]
    axis = _linear(values) if penalty is None else _distances(values, penalty)
    step = (WIDTH - LEFT - RIGHT) / len(groups)
    parts = [_ticks(axis)]
    for number, (name, cases) in enumerate(groups.items()):
        x = LEFT + step * (number + 0.5)
        parts.append(_box(x, [value for _, value in cases], axis))
        for i, (case, value) in enumerate(cases):
            spread = (i % 7 - 3) * 4 + 34
            said = escape(f"{case}: {value:.{digits}f}", quote=True)
            dot = f'<circle cx="{x + spread:.1f}" cy="{axis.y(value):.1f}" r="3.5"/>'
            around = f'a href="cases/{quote(case)}.html" tabindex="-1"' if case in pages else "g"
            parts.append(f"<{around}><title>{said}</title>{dot}</{around[0]}>")
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{escape(name)}</text>'
        )
    if penalty is not None:
        said = "logarithmic" + (f"; {penalty:.4g} mm: missed or false" if penalty in axis.ticks else "")
        parts.append(
            f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end" class="faint">{said}</text>'
        )
    return _svg(parts, label)


def line_chart(lines: Mapping[str, Points], *, label: str, logarithmic: bool = False) -> str:
    """Curves over epochs, their names below. A value that cannot be drawn breaks its curve and is counted beside its name.

    Args:
        lines: Name to points.
        label: What is shown, for those who cannot see it.
        logarithmic: The vertical axis in powers of ten; values that are not positive cannot be drawn.
    """
    runs = {name: _stretches(points, logarithmic) for name, points in lines.items()}
    values = [value for stretches in runs.values() for stretch in stretches for _, value in stretch]
    axis = _powers(values) if logarithmic else _linear(values)
    epochs = [epoch for points in lines.values() for epoch, _ in points]
    last = max(epochs, default=0) or 1
    across = (WIDTH - LEFT - RIGHT) / last
    parts = [_ticks(axis), _epochs(last)]
    for number, (name, points) in enumerate(lines.items()):
        colour = f'class="line-{number % 5}"'
        for run in runs[name]:
            where = [(LEFT + across * epoch, axis.y(value)) for epoch, value in run]
            dot = f'<circle {colour} cx="{where[0][0]:.1f}" cy="{where[0][1]:.1f}" r="3"/>'
            path = f'<polyline {colour} points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in where)}"/>'
            parts.append(path if len(run) > 1 else dot)
        lost = len(points) - sum(map(len, runs[name]))
        x, y = LEFT + number % 2 * (WIDTH - LEFT) // 2, HEIGHT + ROW * (number // 2) + 4
        parts.append(f'<polyline {colour} points="{x},{y} {x + 20},{y}"/>')
        parts.append(
            f'<text x="{x + 26}" y="{y + 4}">{escape(name)}{f" ({lost} not finite)" if lost else ""}</text>'
        )
    return _svg(parts, label, HEIGHT + ROW * ((len(lines) + 1) // 2))


def _stretches(points: Points, logarithmic: bool) -> list[list[tuple[float, float]]]:
    """What can be drawn, without what cannot."""
    found: list[list[tuple[float, float]]] = [[]]
    for epoch, value in points:
        if math.isfinite(value) and (value > 0 or not logarithmic):
            found[-1].append((epoch, value))
        else:
            found.append([])
    return [stretch for stretch in found if stretch]


def _linear(values: Sequence[float]) -> Axis:
    low, high = min([*values, 0.0]), max([*values, 0.0]) if values else 1.0
    step = _step((high - low) or 1)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return Axis(tuple(step * n for n in range(first, max(last, first + 1) + 1)))


def _distances(values: Sequence[float], penalty: float) -> Axis:
    """Millimetres from 0, the penalty on top where one was given."""
    high = max(values, default=1.0)
    rungs = [0.0, *(rung for rung in (1.0, 3.0, 10.0, 30.0, 100.0) if rung < penalty), penalty]
    top = next((i for i, rung in enumerate(rungs) if rung >= high - 1e-9), len(rungs))
    rungs += [] if top < len(rungs) else [math.ceil(high)]
    return Axis(tuple(rungs[: max(top, 1) + 1]), math.log1p)


def _powers(values: Sequence[float]) -> Axis:
    low, high = (min(values), max(values)) if values else (0.1, 1.0)
    ends = math.floor(math.log10(low)), math.ceil(math.log10(high) + 1e-9)
    factors = (1, 2, 5) if ends[1] - ends[0] <= 2 else (1,)
    rungs = [float(f"{factor}e{power}") for power in range(*ends) for factor in factors]
    return Axis((*rungs, float(f"1e{ends[1]}")), math.log10)


def _step(span: float) -> float:
    """1, 2 or 5 times a power of ten, at most six to the span."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 6)


def _ticks(axis: Axis) -> str:
    parts = []
    for value in axis.ticks:
        y = axis.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{float(f"{value:.4g}"):g}</text>'
        )
    return "".join(parts)


def _epochs(last: float) -> str:
    across, step = (WIDTH - LEFT - RIGHT) / last, max(_step(last), 1)
    marks = [
        f'<text x="{LEFT + across * n:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{n:g}</text>'
        for n in np.arange(0, last + 0.5, step)
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    return "".join([*marks, f'<text x="{middle:g}" y="{HEIGHT - 8}" text-anchor="middle">epoch</text>'])


def _box(x: float, values: Sequence[float], axis: Axis) -> str:
    if not values:
        return ""
    first, middle, third = np.percentile(values, (25, 50, 75))
    reach = 1.5 * (third - first)
    low, high = (min(v for v in values if v >= first - reach), max(v for v in values if v <= third + reach))
    top, bottom = axis.y(third), axis.y(first)
    return (
        f'<path class="box" d="M{x:.1f} {axis.y(low):.1f}V{bottom:.1f}M{x:.1f} {top:.1f}V{axis.y(high):.1f}'
        f'M{x - 18:.1f} {top:.1f}h36V{bottom:.1f}h-36z"/>'
        f'<line class="median" x1="{x - 18:.1f}" x2="{x + 18:.1f}" y1="{axis.y(middle):.1f}" y2="{axis.y(middle):.1f}"/>'
    )


def _svg(parts: Sequence[str], label: str, height: int = HEIGHT) -> str:
    said = escape(label, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{said}">{"".join(parts)}</svg>'
