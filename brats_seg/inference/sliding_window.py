"""Window by window, where a whole brain does not fit the device's memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from brats_seg.geometry import Triple
from brats_seg.terms import DIVISOR

WINDOW: Triple = (128, 128, 128)
"""As in training."""


def sliding_window(forward: Callable[[Tensor], Tensor], image: Tensor, window: Triple = WINDOW) -> Tensor:
    """Blend the logits of half-overlapping windows by Gaussian weights.

    A window knows nothing of what lies behind its inner faces, so the sixteenth of its voxels next to them has no weight:
    stitching is exact for any network that looks no further. Windows start at multiples of 8, where pooling of the whole
    volume would cut too.

    Args:
        forward: Image to logits of the same spatial size.
        image: ``(batch, modality, z, y, x)``, spatial sizes multiples of 8.
        window: Its size where the volume is larger, multiples of 16.

    Returns:
        ``(batch, region, z, y, x)`` float32.
    """
    shape = image.shape[2:]
    size = [min(n, w) for n, w in zip(shape, window, strict=True)]
    axes = [[(start, _weights(n, w, start)) for start in _starts(n, w)] for n, w in zip(shape, size, strict=True)]
    total, weight = None, torch.zeros(tuple(shape), device=image.device)
    for (z, wz), (y, wy), (x, wx) in product(*axes):
        place = (..., slice(z, z + size[0]), slice(y, y + size[1]), slice(x, x + size[2]))
        here = (wz[:, None, None] * wy[:, None] * wx).to(image.device)
        logits = forward(image[place]).float()
        if total is None:
            total = logits.new_zeros((*logits.shape[:2], *shape))
        total[place] += logits * here
        weight[place] += here
    assert total is not None  # there is always one window
    return total.div_(weight)


def _starts(length: int, size: int) -> list[int]:
    """Where the windows of one axis start: half a window apart, the last at the end."""
    step = max(size // 2 // DIVISOR * DIVISOR, DIVISOR)
    return [*range(0, length - size, step), length - size]


def _weights(length: int, size: int, start: int) -> Tensor:
    """Gaussian of a window along one axis, sd an eighth of it, zero next to its inner faces."""
    place = torch.arange(size)
    weights = torch.exp(-0.5 * ((place - (size - 1) / 2) / (size / 8)) ** 2)
    margin = size // 16
    if start > 0:
        weights[:margin] = 0
    if start + size < length:
        weights[size - margin :] = 0
    return weights
