"""One patch twice: equal in space, different in intensity. Covered by tests/data/test_unlabelled.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from brats_seg.augment.batch import Augmentation
from brats_seg.augment.draw import Draw


def two_views(
    augmentation: Augmentation,
    image: Float[Tensor, "batch modality z y x"],
    draws: Sequence[tuple[Draw, Draw]],
) -> tuple[Float[Tensor, "batch modality z y x"], Float[Tensor, "batch modality z y x"]]:
    """Augment each patch twice, so that the answers of two networks can be compared voxel by voxel.

    Args:
        augmentation: Applies the draws.
        image: In normalised units.
        draws: Two for each patch; both views move in space as the first one says.

    Returns:
        The patches by the first draws, and by the second ones.
    """
    first, second = [], []
    for sample, (one, other) in zip(image, draws, strict=True):
        no_target = sample.new_zeros((0, *sample.shape[1:]))
        also_moved = replace(other, flips=one.flips, motion=one.motion)
        first.append(augmentation.apply(sample, no_target, one)[0])
        second.append(augmentation.apply(sample, no_target, also_moved)[0])
    return torch.stack(first), torch.stack(second)
