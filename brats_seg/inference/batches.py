"""Views that go through a network together. Covered by tests/inference/test_ensemble.py and test_cuda.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from brats_seg.inference.tta import View

BYTES_PER_VOXEL = 6 * 4
"""What a forward pass holds at its peak, per voxel and channel of the first stage: six float32 tensors."""
MOST_AT_ONCE = 8
"""Views in one forward pass, at most: half of them have the same shape."""


def batches(views: Sequence[View], limit: int) -> Iterator[Sequence[View]]:
    """Views in batches of one shape: a quarter turn exchanges y and x.

    Args:
        views: In any order.
        limit: Most views of a batch.

    Yields:
        Some views; every view once.
    """
    for odd in (0, 1):
        alike = [view for view in views if view.quarter_turns % 2 == odd]
        for start in range(0, len(alike), limit):
            yield alike[start : start + limit]


def views_at_once(image: Tensor, width: int) -> int:
    """How many views the device's free memory holds; on a CPU one, where a batch gains nothing.

    Args:
        image: ``(modality, z, y, x)``, padded.
        width: Channels of the first stage.

    Returns:
        At least 1.
    """
    if image.device.type != "cuda":
        return 1
    cached = torch.cuda.memory_reserved(image.device) - torch.cuda.memory_allocated(image.device)
    free = torch.cuda.mem_get_info(image.device)[0] + cached
    # Half of it: the libraries' workspaces want theirs.
    return max(1, min(MOST_AT_ONCE, free // 2 // (BYTES_PER_VOXEL * width * image[0].numel())))
