"""Charts as SVG text in the page's own colours, so that they follow light, dark and print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

import numpy as np

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 240, 58, 12, 12, 30
"""Of every chart and its margins, in SVG units."""


@dataclass(frozen=True)
class Axis:
    """The vertical axis: from ``low`` at the bottom to ``high`` at the top, a line at each ``step``."""

    low: float
    high: float
    step: float

    def y(self, value: float) -> float:
        """Where a value lies."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)


def box_plot(groups: Mapping[str, Sequence[tuple[str, float]]], *, label: str, digits: int) -> str:
    """A box per group (quartiles, whiskers to the last value within 1.5 ranges), and every case as a dot that leads to its page.

    Args:
        groups: Name to case ids and values, at least one.
        label: What is shown, for those who cannot see it.
        digits: After the point.
    """
    axis = _axis([value for group in groups.values() for _, value in group])
    step = (WIDTH - LEFT - RIGHT) / len(groups)
    parts = [_ticks(axis)]
    for number, (name, cases) in enumerate(groups.items()):
        x = LEFT + step * (number + 0.5)
        parts.append(_box(x, [value for _, value in cases], axis))
        for i, (case, value) in enumerate(cases):
            spread = (i % 7 - 3) * 4 + 34
            said = escape(f"{case}: {value:.{digits}f}", quote=True)
            dot = f'<circle cx="{x + spread:.1f}" cy="{axis.y(value):.1f}" r="3.5"/>'
            parts.append(f'<a href="cases/{quote(case)}.html" tabindex="-1"><title>{said}</title>{dot}</a>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(name)}</text>')
    return _svg(parts, label)


def line_chart(lines: Mapping[str, Sequence[tuple[float, float]]], *, label: str, logarithmic: bool = False) -> str:
    """Curves over epochs; a curve's name stands in the legend.

    Args:
        lines: Name to points, none of them empty.
        label: What is shown, for those who cannot see it.
        logarithmic: The vertical axis in powers of ten; values that are not positive are left out.
    """
    curves = {n: [(e, np.log10(v) if logarithmic else v) for e, v in p if v > 0 or not logarithmic] for n, p in lines.items()}
    points = [point for curve in curves.values() for point in curve]
    axis, last = _axis([v for _, v in points]), max((e for e, _ in points), default=0) or 1
    scale = (WIDTH - LEFT - RIGHT) / last
    parts = [_ticks(axis, logarithmic), f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">epoch {last:g}</text>']
    for number, (name, curve) in enumerate(curves.items()):
        where = " ".join(f"{LEFT + scale * e:.1f},{axis.y(v):.1f}" for e, v in curve)
        mark = f'<circle class="line-{number % 5}" cx="{LEFT + scale * curve[0][0]:.1f}" cy="{axis.y(curve[0][1]):.1f}" r="3"/>'
        parts.append(f'<polyline class="line-{number % 5}" points="{where}"/>' if len(curve) > 1 else mark)
        y = TOP + 14 * number + 10
        parts.append(f'<text class="key line-{number % 5}" x="{WIDTH - RIGHT}" y="{y}" text-anchor="end">{escape(name)}</text>')
    return _svg(parts, label)


def _axis(values: Sequence[float]) -> Axis:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    low = min(low, 0.0) if high > 0 else low
    step = _step((high - low) or 1)
    return Axis(step * np.floor(low / step), step * max(np.ceil(high / step - 1e-9), np.floor(low / step) + 1), step)


def _step(span: float) -> float:
    """1, 2 or 5 times a power of ten, at most six to the span."""
    power = 10.0 ** np.floor(np.log10(span / 4))
    return float(next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 6))


def _ticks(axis: Axis, logarithmic: bool = False) -> str:
    parts = []
    for value in np.arange(axis.low, axis.high + axis.step / 2, axis.step):
        y, said = axis.y(value), f"{10**value:.1e}" if logarithmic else f"{round(value, 9):g}"
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{said}</text>')
    return "".join(parts)


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


def _svg(parts: Sequence[str], label: str) -> str:
    said = escape(label, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">{"".join(parts)}</svg>'
