"""Which pieces of a tissue are one lesion in BraTS 2024.

Source: ``metrics_GLI.py`` of github.com/rachitsaluja/BraTS-2024-Metrics.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from brats_seg.geometry import bounding_box
from brats_seg.metrics.components import NEIGHBOURS_18, Components, components
from brats_seg.metrics.surface import Mask

Table = Int32[NDArray[np.int32], " lesions"]
"""Number of a lesion to its new number; 0 stays 0."""
STEPS = tuple(step for step in product((-1, 0, 1), repeat=3) if 0 < np.abs(step).sum() < 3)
"""To the 18 neighbours of a voxel."""


class Lesions(NamedTuple):
    """The lesions of a mask by number, from 1.

    Attributes:
        numbers: Of every voxel of the mask, else 0.
        grown: Of every voxel of the dilated mask, else 0.
    """

    numbers: Components
    grown: Components


def find_lesions(mask: Mask, dilation: int) -> Lesions:
    """Components of a mask; those whose dilations touch are one lesion.

    Args:
        mask: ``(z, y, x)``; no closer to the edge of what was cut out than the dilation reaches.
        dilation: Steps with 18 neighbours.

    Returns:
        The lesions, numbered as the program of 2024 does: by the first voxel of the dilation along x, then
        along y, then along z.
    """
    z, y, x = mask.shape
    grown = np.zeros((z, y, x), np.int32)
    box = bounding_box(mask)
    if box is not None:
        around = box.grown(dilation, (z, y, x))
        found, count = components(binary_dilation(around.crop(mask), NEIGHBOURS_18, iterations=dilation))
        grown[around.slices] = _along_x(found, count)[found]
    return Lesions(np.where(mask, grown, np.int32(0)), grown)


def without_small(numbers: Components, most_voxels: int) -> Components:
    """Clear the lesions of no more than so many voxels.

    Args:
        numbers: Of the lesions.
        most_voxels: The largest lesion that is cleared.

    Returns:
        The lesions that are left, with their numbers.
    """
    sizes = np.bincount(numbers.ravel())
    kept = np.arange(len(sizes), dtype=np.int32)
    kept[sizes <= most_voxels] = 0
    cleared: Components = kept[numbers]
    return cleared


def join_beside(numbers: Components, others: Iterable[Components]) -> Table:
    """Lesions of a tissue that touch the same lesion of another tissue are one.

    A lesion that touches several goes with the one of the lowest number.

    Args:
        numbers: Of the lesions of the tissue.
        others: Of those of other tissues, one after the other.

    Returns:
        The table that joins them.
    """
    table = np.arange(int(numbers.max(initial=0)) + 1, dtype=np.int32)
    for other in others:
        lowest: dict[int, int] = {}
        for lesion, beside in sorted(_touching(table[numbers], other)):
            lowest.setdefault(lesion, beside)
        joined: dict[int, int] = {}
        for lesion, beside in lowest.items():
            table[table == lesion] = joined.setdefault(beside, lesion)
    return table


def _along_x(found: Components, count: int) -> Table:
    """Number of a component to its place in the order of first voxels along x, y, z."""
    order = found.transpose(2, 1, 0).ravel()
    inside = np.flatnonzero(order)
    first = np.zeros(count + 1, np.intp)
    first[order[inside[::-1]]] = inside[::-1]  # of several the last assignment stays: the first voxel
    table = np.zeros(count + 1, np.int32)
    table[1 + np.argsort(first[1:])] = np.arange(1, count + 1)
    return table


def _touching(numbers: Components, others: Components) -> set[tuple[int, int]]:
    """Pairs of lesions with a voxel of one among the 18 neighbours of a voxel of the other."""
    pairs: set[tuple[int, int]] = set()
    for step in STEPS:
        here = tuple(
            slice(max(-way, 0), side - max(way, 0)) for way, side in zip(step, numbers.shape, strict=True)
        )
        there = tuple(
            slice(max(way, 0), side - max(-way, 0)) for way, side in zip(step, numbers.shape, strict=True)
        )
        mine, theirs = numbers[here], others[there]
        both = (mine > 0) & (theirs > 0)
        pairs.update(zip(mine[both].tolist(), theirs[both].tolist(), strict=True))
    return pairs
