"""Lesions of the prediction matched one to one with lesions of the truth, as BraTS 2026 scores them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from brats_seg.metrics.components import Components, components
from brats_seg.metrics.lesions import hull
from brats_seg.metrics.surface import Mask, Spacing
from brats_seg.metrics.voxel_surfaces import VoxelSurfaces, compare_voxel_surfaces

Dices = Float64[NDArray[np.float64], "ours theirs"]
TIE = 1e-9
"""Sums of Dice that differ by less are the same."""


@dataclass(frozen=True)
class MatchedLesions:
    """Means over the matched pairs; false and missed lesions show in the counts and in ``f1`` alone.

    Without a pair Dice and surface Dice are 0 and HD95 is the penalty; all four are None where neither mask
    has a lesion.

    Attributes:
        dice: Of a pair.
        hd95_mm: Of a pair: the 95th percentile over the distances of both directions together.
        surface_dice: Of a pair: mean of the two shares of surface voxels within the smallest voxel side of
            the other surface.
        f1: ``2 found / (2 found + missed + false)``.
        found: Pairs.
        missed: Lesions of the truth without a partner.
        false: Lesions of the prediction without one.
    """

    dice: float | None
    hd95_mm: float | None
    surface_dice: float | None
    f1: float | None
    found: int
    missed: int
    false: int


def match_lesions(prediction: Mask, truth: Mask, spacing_mm: Spacing, *, penalty_mm: float) -> MatchedLesions:
    """Score the 26-connected lesions of a region in pairs.

    Source: the package ``brats-evaluation`` 0.0.10 with its configuration for gliomas
    (github.com/BraTS/BraTS_evaluation), and panoptica beneath it. The pairs are the assignment with the
    largest sum of Dice among lesions that overlap; of several with the same sum, so that the order of voxels
    does not matter: most pairs, then the smallest sum of HD95, then the largest of surface Dice.

    Args:
        prediction: Of the region.
        truth: Of the same region.
        spacing_mm: Voxel size along ``(z, y, x)``.
        penalty_mm: HD95 without a pair: 373.

    Returns:
        Means and counts.
    """
    ours, n_ours = components(prediction)
    theirs, n_theirs = components(truth)
    if not n_ours and not n_theirs:
        return MatchedLesions(None, None, None, None, 0, 0, 0)
    dices = _dices(ours, theirs, n_ours, n_theirs)
    our_boxes, their_boxes = find_objects(ours), find_objects(theirs)

    @cache
    def surfaces_of(mine: int, other: int) -> VoxelSurfaces:
        box = hull([our_boxes[mine], their_boxes[other]])
        pair = ours[box] == mine + 1, theirs[box] == other + 1
        return compare_voxel_surfaces(*pair, spacing_mm, [min(spacing_mm)])

    pairs = _pairs(dices, surfaces_of)
    pair_dices = [dices[pair] for pair in pairs]
    surfaces = [surfaces_of(*pair) for pair in pairs]
    found = len(pair_dices)
    counts = (found, n_theirs - found, n_ours - found)
    if not found:
        return MatchedLesions(0.0, penalty_mm, 0.0, 0.0, *counts)
    hd95 = float(np.mean([each.hd95_mm for each in surfaces]))
    surface_dice = float(np.mean([each.surface_dice for each in surfaces]))
    f1 = 2 * found / (n_ours + n_theirs)
    return MatchedLesions(float(np.mean(pair_dices)), hd95, surface_dice, f1, *counts)


def _pairs(dices: Dices, surfaces_of: Callable[[int, int], VoxelSurfaces]) -> list[tuple[int, int]]:
    pairs = _best(dices)
    total = sum(dices[pair] for pair in pairs)
    if not any(_can_do_without(pair, dices, total) for pair in pairs):
        return pairs
    gains = dices.copy()
    for mine, other in np.argwhere(dices > 0).tolist():
        hd95, (surface_dice,) = surfaces_of(mine, other)
        gains[mine, other] += TIE * (1 - hd95 / 1e4 + surface_dice / 1e6)
    return _best(gains)


def _best(gains: Dices) -> list[tuple[int, int]]:
    """The assignment with the largest sum."""
    from scipy.optimize import linear_sum_assignment  # a tenth of a second, for one convention

    chosen = np.stack(linear_sum_assignment(gains, maximize=True), axis=1)
    return [(mine, other) for mine, other in chosen.tolist() if gains[mine, other] > 0]


def _can_do_without(pair: tuple[int, int], dices: Dices, total: float) -> bool:
    """Whether another assignment has the same sum without this pair."""
    mine, other = pair
    if np.count_nonzero(dices[mine]) == 1 == np.count_nonzero(dices[:, other]):
        return False
    others = dices.copy()
    others[pair] = 0
    return bool(sum(dices[each] for each in _best(others)) > total - TIE)


def _dices(ours: Components, theirs: Components, n_ours: int, n_theirs: int) -> Dices:
    """Of every lesion of the prediction with every lesion of the truth."""
    code = ours.astype(np.int64) * (n_theirs + 1) + theirs
    counts = np.bincount(code.ravel(), minlength=(n_ours + 1) * (n_theirs + 1))
    shared = counts.reshape(n_ours + 1, n_theirs + 1)
    sizes = shared.sum(1)[1:, None] + shared.sum(0)[None, 1:]
    found: NDArray[np.float64] = 2 * shared[1:, 1:] / sizes
    return found
