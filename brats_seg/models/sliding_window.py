"""Window by window, where a whole brain does not fit the device's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from brats_seg.geometry import Triple
from brats_seg.terms import DIVISOR

WINDOW: Triple = (128, 128, 128)
"""As in training."""


def sliding_window(
    forward: Callable[[Tensor], Tensor],
    image: Shaped[Tensor, "batch modality z y x"],
    window: Triple = WINDOW,
) -> Float32[Tensor, "batch region z y x"]:
    """Blend the logits of half-overlapping windows by Gaussian weights.

    A window knows nothing of what lies behind its inner faces, so the sixteenth of its voxels next to them
    has no weight: stitching is exact for any network that looks no further. Windows start at multiples of 8,
    where pooling of the whole volume would cut too.

    Args:
        forward: Image to logits of the same spatial size.
        image: Spatial sizes are multiples of 8.
        window: Its size where the volume is larger, multiples of 16.

    Returns:
        Logits of the size of the image.
    """
    shape = image.shape[2:]
    axes = [list(_windows(n, min(n, w))) for n, w in zip(shape, window, strict=True)]
    total: Tensor | None = None
    for (z, wz), (y, wy), (x, wx) in product(*axes):
        logits = forward(image[..., z, y, x]).float()
        if total is None:
            total = logits.new_zeros((*logits.shape[:2], *shape))
        total[..., z, y, x] += logits * (wz[:, None, None] * wy[:, None] * wx).to(logits)
    assert total is not None  # there is always one window
    return total


def _windows(length: int, size: int) -> Iterator[tuple[slice, Tensor]]:
    """Where the windows of one axis lie, half a window apart; their weights add up to one."""
    step = max(size // 2 // DIVISOR * DIVISOR, DIVISOR)
    starts = [*range(0, length - size, step), length - size]
    place, margin = torch.arange(size), size // 16
    gaussian = torch.exp(-0.5 * ((place - (size - 1) / 2) / (size / 8)).double() ** 2)
    weights = torch.zeros(len(starts), length, dtype=torch.float64)
    for row, start in zip(weights, starts, strict=True):
        row[start : start + size] = gaussian
        if start > 0:
            row[start : start + margin] = 0
        if start + size < length:
            row[start + size - margin :] = 0
    weights /= weights.sum(0)
    for row, start in zip(weights, starts, strict=True):
        here = slice(start, start + size)
        yield here, row[here].float()
