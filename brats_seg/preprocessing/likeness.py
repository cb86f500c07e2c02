"""Whether a case is like those that a network was trained on: intensities and volumes in a few numbers.

The numbers of intensities do not change with the unit of the scanner, so that they are the same before and
after normalisation. Covered by tests/preprocessing/test_likeness.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Real
from numpy.typing import NDArray

from brats_seg.terms import MODALITIES, REGIONS

STEP = 2
"""Every so many voxels along each axis are looked at."""
PERCENTILES = (1, 25, 50, 75, 99)
FEWEST = 10
"""Training cases below which their range says little: with eight of 17 public ones, a fifth of the others is
flagged."""
MARGIN = 0.75
"""Times the width of the range of the training cases, on both sides, is still taken for alike.

Of 17 public cases of four years with 13 of them as training cases, one in eight of the others is flagged.
"""
LEAST_DICE = {"WT": 0.7, "TC": 0.5}
"""Of the maps of A and B; below it they disagree on the tumour as a whole."""
LARGEST = 1e30
"""Of a number in a foreign file."""
BRAIN, TUMOUR = "brain, ml", "whole tumour, ml"
Ranges = Mapping[str, Sequence[float]]
"""Name of a number to the smallest and the largest value of the training cases."""


def describe_image(image: Real[NDArray[np.number], "modality z y x"]) -> dict[str, float]:
    """Where the middle and the quartiles lie between dark and bright, and how large the brain is.

    Args:
        image: Background 0, voxels of 1 mm; scanner units or normalised.

    Returns:
        Name to number; nothing of a sequence that is one value.
    """
    found = {BRAIN: round(int(np.count_nonzero((image != 0).any(0))) / 1000, 1)}
    for name, channel in zip(MODALITIES, image, strict=True):
        some = channel[::STEP, ::STEP, ::STEP]
        values = some[some != 0].astype(np.float32)
        if not values.size:
            continue
        dark, lower, middle, upper, bright = np.percentile(values, PERCENTILES)
        if bright > dark:
            found[f"{name}, median"] = round(float((middle - dark) / (bright - dark)), 4)
            found[f"{name}, middle half"] = round(float((upper - lower) / (bright - dark)), 4)
    return found


def tumour_ml(regions: Bool[NDArray[np.bool_], "region z y x"]) -> float:
    """The volume of the whole tumour in ml, of voxels of 1 mm."""
    return round(int(np.count_nonzero(regions[REGIONS.index("WT")])) / 1000, 1)


def ranges(cases: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """The smallest and the largest of each number.

    >>> ranges([{"brain, ml": 1200.0}, {"brain, ml": 1500.0}])
    {'brain, ml': [1200.0, 1500.0]}
    """
    found: dict[str, list[float]] = {}
    for case in cases:
        for name, value in case.items():
            low, high = found.get(name, [value, value])
            found[name] = [min(low, value), max(high, value)]
    return found


def unlike(case: Mapping[str, float], trained: Iterable[tuple[int, Ranges]]) -> Iterator[str]:
    """A line for each number of a case that is far outside those of the training cases of every bundle.

    Args:
        case: Name to number.
        trained: For each bundle how many training cases it had, and their ranges.

    Yields:
        The lines; none where no bundle tells the ranges of enough cases.
    """
    whole: dict[str, list[float]] = {}
    for count, held in trained:
        if count < FEWEST:
            return
        for name, (low, high) in held.items():
            lowest, highest = whole.get(name, [low, high])
            whole[name] = [min(lowest, low), max(highest, high)]
    for name, value in case.items():
        low, high = whole.get(name, [-np.inf, np.inf])
        margin = MARGIN * (high - low) if np.isfinite(high) else 0.0
        if not low - margin <= value <= high + margin:
            yield f"unlike the training cases: {name} is {value:.4g}, theirs {low:.4g} to {high:.4g}"


def disagreements(dice: Mapping[str, float]) -> Iterator[str]:
    """A line for each region on which A and B disagree.

    Args:
        dice: Region to Dice of their maps; empty where there are not both.

    Yields:
        The lines.
    """
    for region, least in LEAST_DICE.items():
        if dice.get(region, 1.0) < least:
            yield f"A and B disagree on {region}: their Dice is {dice[region]:.2f}, below {least}"


def usable_ranges(held: Any) -> dict[str, tuple[float, float]]:
    """The ranges in a bundle's JSON, which may hold anything."""
    found = {}
    for name, pair in held.items() if isinstance(held, dict) else ():
        if isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)):
            found[str(name)] = (float(pair[0]), float(pair[1]))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < LARGEST
