"""Views that go through a network together. Covered by tests/inference/test_ensemble.py and test_cuda.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from brats_seg.inference.tta import View

BYTES_PER_VALUE = {"16-mixed": 13, "bf16-mixed": 13, "32-true": 27}
"""What a forward pass holds at its peak, per voxel and channel of the first stage; the same for both norms.

By ``tests/gpu/test_memory_and_traffic.py``: 11 in 16 bit, 13 without the fused norm, 26 in float32.
"""
MOST_VALUES = 2**31 - 1
"""Of one tensor: not every kernel counts further."""
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


def views_at_once(image: Tensor, width: int, precision: str) -> int:
    """How many views the device's free memory holds; on a CPU one, where a batch gains nothing.

    Args:
        image: ``(modality, z, y, x)``, padded.
        width: Channels of the first stage.
        precision: Of the forward pass, a key of :data:`BYTES_PER_VALUE`.

    Returns:
        At least 1.
    """
    if image.device.type != "cuda":
        return 1
    cached = torch.cuda.memory_reserved(image.device) - torch.cuda.memory_allocated(image.device)
    free = torch.cuda.mem_get_info(image.device)[0] + cached
    return views_within(free, width * image[0].numel(), precision)


def views_within(free_bytes: int, values: int, precision: str) -> int:
    """How many views so much memory holds.

    Args:
        free_bytes: Of the device.
        values: Of a view after the first stage: voxels times channels.
        precision: As for :func:`views_at_once`.

    Returns:
        At least 1.
    """
    # Half of it: the libraries' workspaces want theirs.
    by_memory = free_bytes // 2 // (BYTES_PER_VALUE[precision] * values)
    return max(1, min(MOST_AT_ONCE, by_memory, MOST_VALUES // values))
