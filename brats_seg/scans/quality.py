"""Numbers that show a failed alignment. Each limit is far from what sound scans reach; docs/scans.md has
the measurements.

Covered by tests/scans/test_align.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brats_seg.scans.brain import BRAIN_ML
from brats_seg.scans.images import Image, resample, to_array
from brats_seg.scans.packages import load
from brats_seg.scans.register import Registration, matrix, shift_mm, turn_degrees

LARGEST_TURN = 30.0
"""Degrees."""
LARGEST_SHIFT_MM = 60.0
LEAST_OVERLAP = 0.95
"""Share of the brain that the other sequence must show."""
LEAST_METRIC = 0.2
"""Mutual information of two sequences of one head, in nats."""
NOISE = 0.02
"""Of the metric, in nats: it looks at a tenth of the voxels."""
LEAST_ATLAS_DICE = 0.8
SWAPPED = 1.1
"""How much brighter the brightest of T1 has to be than that of T1ce."""


@dataclass(frozen=True)
class Pair:
    """How one image lies on another one.

    Attributes:
        before: Mutual information as the headers say; None without overlap.
        after: With the transform.
        turn_degrees: Of the transform.
        shift_mm: How far it moves the centre of the brain.
        overlap: Share of the brain that the other image shows.
    """

    before: float | None
    after: float
    turn_degrees: float
    shift_mm: float
    overlap: float


def measure_pair(found: Registration, brain: NDArray[np.bool_], fixed: Image, moving: Image) -> Pair:
    """Measure one registration.

    Args:
        found: The registration.
        brain: ``(z, y, x)`` on the grid of the fixed image.
        fixed: As it was registered.
        moving: As it was registered.

    Returns:
        Its numbers.
    """
    z, y, x = (float(np.mean(index)) for index in np.nonzero(brain))
    centre = np.array(fixed.TransformContinuousIndexToPhysicalPoint((x, y, z)))
    transform = matrix(found.transform)
    seen = load("SimpleITK").Image(moving.GetSize(), moving.GetPixelID())
    seen.CopyInformation(moving)
    shown = to_array(resample(seen + 1, fixed, found.transform))[brain] > 0.5
    return Pair(
        found.before, found.after, turn_degrees(transform), shift_mm(transform, centre), float(shown.mean())
    )


def pair_warnings(name: str, pair: Pair) -> Iterator[str]:
    """What looks failed in one registration of a sequence to T1ce.

    Args:
        name: Of the sequence.
        pair: Its numbers.

    Yields:
        One line each.
    """
    if pair.turn_degrees > LARGEST_TURN:
        yield f"{name}: turned by {pair.turn_degrees:.0f} degrees against T1ce, more than {LARGEST_TURN:.0f}"
    if pair.shift_mm > LARGEST_SHIFT_MM:
        yield f"{name}: moved by {pair.shift_mm:.0f} mm against T1ce, more than {LARGEST_SHIFT_MM:.0f}"
    if pair.overlap < LEAST_OVERLAP:
        yield f"{name}: shows {pair.overlap:.0%} of the brain, less than {LEAST_OVERLAP:.0%}"
    if pair.after < LEAST_METRIC:
        yield f"{name}: mutual information with T1ce is {pair.after:.2f}, less than {LEAST_METRIC}"
    if pair.before is not None and pair.after < pair.before - NOISE:
        yield f"{name}: mutual information fell from {pair.before:.2f} to {pair.after:.2f}"


def brain_warnings(native_ml: float, aligned_ml: float, atlas_dice: float, rigid: bool) -> Iterator[str]:
    """What looks failed in brain extraction and in the registration to the atlas.

    Args:
        native_ml: The brain on the T1ce's own grid.
        aligned_ml: On the target grid.
        atlas_dice: Dice of the brain and the atlas's.
        rigid: Whether the brain had to keep its size.

    Yields:
        One line each.
    """
    low, high = BRAIN_ML
    if not low <= native_ml <= high:
        yield f"brain: {native_ml:.0f} ml, expected {low:.0f} to {high:.0f}"
    if rigid and aligned_ml < 0.95 * native_ml:
        yield f"brain: only {aligned_ml / native_ml:.0%} of it lie in the target grid"
    if atlas_dice < LEAST_ATLAS_DICE:
        yield f"atlas: Dice of brain and atlas is {atlas_dice:.2f}, less than {LEAST_ATLAS_DICE}"


def suspect_swap(images: Mapping[str, NDArray[np.floating]], brain: NDArray[np.bool_]) -> list[str]:
    """Whether T1 looks like the image after contrast agent: its brightest voxels are brighter than those of
    T1ce.

    Args:
        images: ``t1`` and ``t1ce``, aligned, ``(z, y, x)``.
        brain: ``(z, y, x)``.

    Returns:
        One line, or none.
    """
    bright = {}
    for name in ("t1", "t1ce"):
        inside = images[name][brain]
        bright[name] = float(np.percentile(inside, 99.8) / max(float(np.median(inside)), 1e-6))
    if bright["t1"] <= SWAPPED * bright["t1ce"]:
        return []
    numbers = (
        f"the brightest voxels are {bright['t1']:.1f} times the median in t1, {bright['t1ce']:.1f} in t1ce"
    )
    return [f"t1 and t1ce may be exchanged: {numbers}"]


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Dice of two masks.

    Args:
        one: Of any shape.
        other: Of the same shape.

    Returns:
        1 where both are empty.
    """
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0
