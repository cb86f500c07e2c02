"""Charts as SVG text in the page's own colours, so that they follow light, dark and print."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import chain
from urllib.parse import quote

import numpy as np

from brats_seg.report.axes import (
    BOTTOM,
    FRAME_WIDTH,
    HEIGHT,
    LEFT,
    RIGHT,
    WIDTH,
    Axis,
    distance_axis,
    linear_axis,
    power_axis,
    tick_step,
)

ROW = 18
"""Height of a line of the legend, below the chart."""
COLOURS = 5
"""Classes ``line-0``, ``line-1``, ... of the style sheet."""
Points = Sequence[tuple[float, float]]
Cases = Sequence[tuple[str, float]]
"""Case ids and values."""


def box_plot(
    groups: Mapping[str, Cases],
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
        penalty: The distance of a missed structure, far beyond what is measured, where the values have one;
            the axis is then logarithmic, or one such case would hide all others.

    Returns:
        SVG.
    """
    values = [_values(cases) for cases in groups.values()]
    every = list(chain.from_iterable(values))
    axis = linear_axis(every) if penalty is None else distance_axis(every, penalty)
    parts = [_ticks(axis)]
    step = FRAME_WIDTH / len(groups)
    for number, (name, cases) in enumerate(groups.items()):
        x = LEFT + step * (number + 0.5)
        parts.append(_box(x, values[number], axis))
        for i, (case, value) in enumerate(cases):
            place = (x + (i % 7 - 3) * 4 + 34, axis.y(value))
            parts.append(_case_dot(place, case, f"{case}: {value:.{digits}f}", linked=case in pages))
        parts.append(_text(x, HEIGHT - BOTTOM + 18, name))
    if penalty is not None:
        missed = f"; {penalty:.4g} mm: missed or false" if penalty in axis.ticks else ""
        place_of_note = f'x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end"'
        parts.append(f'<text {place_of_note} class="faint">logarithmic{missed}</text>')
    return _svg(parts, label)


def line_chart(lines: Mapping[str, Points], *, label: str, logarithmic: bool = False) -> str:
    """Curves over epochs, their names below.

    A value that cannot be drawn breaks its curve and is counted beside its name.

    Args:
        lines: Name to points.
        label: What is shown, for those who cannot see it.
        logarithmic: The vertical axis in powers of ten; values that are not positive cannot be drawn.

    Returns:
        SVG.
    """
    curves = {name: _stretches(points, logarithmic) for name, points in lines.items()}
    values: list[float] = []
    for stretch in chain.from_iterable(curves.values()):
        values += _values(stretch)
    axis = power_axis(values) if logarithmic else linear_axis(values)
    last = _last_epoch(lines)
    parts = [_ticks(axis), _epochs(last)]
    for number, (name, points) in enumerate(lines.items()):
        colour = f'class="line-{number % COLOURS}"'
        drawn = 0
        for stretch in curves[name]:
            parts.append(_curve(stretch, axis, last, colour))
            drawn += len(stretch)
        parts.append(_legend_entry(number, name, len(points) - drawn, colour))
    rows = (len(lines) + 1) // 2
    return _svg(parts, label, HEIGHT + ROW * rows)


def _values(points: Points | Cases) -> list[float]:
    return [value for _, value in points]


def _last_epoch(lines: Mapping[str, Points]) -> float:
    last = 0.0
    for epoch, _ in chain.from_iterable(lines.values()):
        last = max(last, epoch)
    return last or 1


def _curve(stretch: Points, axis: Axis, last: float, colour: str) -> str:
    """A dot where it is one point."""
    across = FRAME_WIDTH / last
    if len(stretch) == 1:
        epoch, value = stretch[0]
        return f'<circle {colour} cx="{LEFT + across * epoch:.1f}" cy="{axis.y(value):.1f}" r="3"/>'
    places = [f"{LEFT + across * epoch:.1f},{axis.y(value):.1f}" for epoch, value in stretch]
    return f'<polyline {colour} points="{" ".join(places)}"/>'


def _legend_entry(number: int, name: str, lost: int, colour: str) -> str:
    """Two to a row."""
    x = LEFT + number % 2 * (WIDTH - LEFT) // 2
    y = HEIGHT + ROW * (number // 2) + 4
    more = f" ({lost} not finite)" if lost else ""
    line = f'<polyline {colour} points="{x},{y} {x + 20},{y}"/>'
    return f'{line}<text x="{x + 26}" y="{y + 4}">{escape(name)}{more}</text>'


def _case_dot(place: tuple[float, float], case: str, title: str, *, linked: bool) -> str:
    x, y = place
    dot = f'<title>{escape(title, quote=True)}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
    if linked:
        return f'<a href="cases/{quote(case)}.html" tabindex="-1">{dot}</a>'
    return f"<g>{dot}</g>"


def _text(x: float, y: int, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{escape(text)}</text>'


def _stretches(points: Points, logarithmic: bool) -> list[list[tuple[float, float]]]:
    """Runs of points that can be drawn."""
    found: list[list[tuple[float, float]]] = [[]]
    for epoch, value in points:
        if math.isfinite(value) and (value > 0 or not logarithmic):
            found[-1].append((epoch, value))
        elif found[-1]:
            found.append([])
    return found if found[-1] else found[:-1]


def _ticks(axis: Axis) -> str:
    parts = []
    for value in axis.ticks:
        y = axis.y(value)
        short = float(f"{value:.4g}")
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short:g}</text>')
    return "".join(parts)


def _epochs(last: float) -> str:
    across = FRAME_WIDTH / last
    parts = []
    for epoch in np.arange(0, last + 0.5, max(tick_step(last), 1)):
        parts.append(_text(LEFT + across * epoch, HEIGHT - BOTTOM + 16, f"{epoch:g}"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:g}" y="{HEIGHT - 8}" text-anchor="middle">epoch</text>')
    return "".join(parts)


def _box(x: float, values: Sequence[float], axis: Axis) -> str:
    if not values:
        return ""
    first, middle, third = np.percentile(values, (25, 50, 75))
    reach = 1.5 * (third - first)
    low = axis.y(min(value for value in values if value >= first - reach))
    high = axis.y(max(value for value in values if value <= third + reach))
    top, bottom, y = axis.y(third), axis.y(first), axis.y(middle)
    whiskers = f"M{x:.1f} {low:.1f}V{bottom:.1f}M{x:.1f} {top:.1f}V{high:.1f}"
    box = f"M{x - 18:.1f} {top:.1f}h36V{bottom:.1f}h-36z"
    median = f'<line class="median" x1="{x - 18:.1f}" x2="{x + 18:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return f'<path class="box" d="{whiskers}{box}"/>{median}'


def _svg(parts: Sequence[str], label: str, height: int = HEIGHT) -> str:
    name = escape(label, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{name}">{"".join(parts)}</svg>'
