"""What of a sequence is brain and what is background: the one rule for reading and for checking.

Background is zero. What is nearly zero is taken for zero; another constant, or a head, is refused.
Covered by tests/cases/test_brain.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from brats_seg.cases.problem import Problem
from brats_seg.geometry import bounding_box

LEAST_BACKGROUND = 0.01
"""Share of zeros below which there is no background.

Real cases have 0.82 to 0.85, one cropped to its brain about 0.5.
"""
LARGEST_BRAIN_MM3 = 2_500_000
"""More than any brain (real cases reach 1.6 litres), less than a head with its skull (4 litres and up)."""
BRIGHT_PERCENTILE = 99
NEARLY_ZERO = 1e-4
"""Of the brightest percentile: no tissue is so dark; resampling after stripping leaves such values."""
LEAST_HALO = 1e-3
"""Share of the non-zero voxels; fewer are values of tissue that happen to lie near zero."""
STRIP = "strip the skull with HD-BET, the BraTS toolkit or CaPTk"


def without_halo(
    path: Path, name: str, array: NDArray[np.generic]
) -> tuple[NDArray[np.generic], list[Problem]]:
    """Take what is nearly zero for background.

    Args:
        path: Of the file.
        name: Of the modality.
        array: ``(z, y, x)``, scanner units, finite.

    Returns:
        The array, with zeros there; and a note where there was such a halo. Integers are left as they are.
    """
    values = np.abs(array[array != 0])
    if array.dtype.kind != "f" or not values.size:
        return array, []
    limit = NEARLY_ZERO * float(np.percentile(values, BRIGHT_PERCENTILE))
    faint = int(np.count_nonzero(values < limit))
    if faint < LEAST_HALO * values.size:
        return array, []
    share = f"{faint} of the {values.size} voxels that are not zero ({faint / values.size:.1%})"
    found = f"{share} below {limit:.2g}: taken for background; mask the file with its brain to be rid of them"
    note = Problem(path, f"zeros around the brain in {name}", found, "note")
    return cast(NDArray[np.generic], np.where(np.abs(array) < limit, array.dtype.type(0), array)), [note]


def brain_voxels(array: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Where one sequence shows the brain, ``(z, y, x)``: it is not nearly zero there."""
    return cast(NDArray[np.bool_], without_halo(Path(), "", array)[0] != 0)


def background_problem(path: Path, name: str, array: NDArray[Any]) -> Problem | None:
    """Say what stands where zeros should be.

    Args:
        path: Of the file.
        name: Of the modality.
        array: ``(z, y, x)``, scanner units.

    Returns:
        An error; None where zeros surround the brain.
    """
    expected = f"zero background around the brain in {name}"
    value, share = _around(array)
    if value != 0 and share > LEAST_BACKGROUND:
        found = f"the value {value:g} there, {share:.0%} of the voxels, around {_extent(array != value)}"
        return Problem(path, expected, f"{found}; set the voxels of this value to 0, and only these")
    inside = int(np.count_nonzero(array))
    if inside > (1 - LEAST_BACKGROUND) * array.size or inside > LARGEST_BRAIN_MM3:
        found = f"{inside / array.size:.0%} of the voxels, {inside / 1e6:.1f} litres, non-zero"
        return Problem(path, expected, f"{found}, in {_extent(array != 0)}; {STRIP}")
    return None


def _around(array: NDArray[Any]) -> tuple[float, float]:
    """The value of most corners of the volume and its share of the voxels; zeros where there is none."""
    z, y, x = (max(size - 1, 1) for size in array.shape)
    value, corners = Counter(array[::z, ::y, ::x].ravel().tolist()).most_common(1)[0]
    if value == 0 or corners <= 4:
        return 0.0, 0.0
    return value, np.count_nonzero(array == value) / array.size


def _extent(inside: NDArray[np.bool_]) -> str:
    box = bounding_box(inside)
    return "nothing" if box is None else f"a box of {' x '.join(map(str, box.shape))} (z, y, x)"
