"""What happens to one sample, in plain parameters, and how such are drawn.

Covered by tests/augment/test_batch.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from brats_seg.augment.spatial import Motion
from brats_seg.terms import MODALITIES

CHANNELS = len(MODALITIES)


@dataclass(frozen=True)
class Draw:
    """What happens to one sample.

    Attributes:
        flips: Spatial axes to mirror, of 0 (z), 1 (y), 2 (x).
        scale: Factor per channel, or None.
        shift: Offset per channel in normalised units, or None.
        noise_seed: Seed of the noise, or None.
        dropped: Channel set to zero, or None.
        motion: Rotation and zoom about the centre, or None.
        gamma: Exponent per channel, or None.
        blur: Standard deviation of a Gaussian in voxels, per channel, or None.
        resolution: Share of the voxels along each axis that is kept, per channel, or None.
    """

    flips: tuple[int, ...]
    scale: tuple[float, ...] | None
    shift: tuple[float, ...] | None
    noise_seed: int | None
    dropped: int | None
    motion: Motion | None = None
    gamma: tuple[float, ...] | None = None
    blur: tuple[float, ...] | None = None
    resolution: tuple[float, ...] | None = None


def heads(probability: float, generator: torch.Generator) -> bool:
    """Toss a coin.

    Args:
        probability: Of heads.
        generator: Source of randomness.

    Returns:
        Whether it shows heads.
    """
    return torch.rand(1, generator=generator).item() < probability


def uniform(bounds: Sequence[float], generator: torch.Generator, count: int = CHANNELS) -> tuple[float, ...]:
    """Numbers between the bounds.

    Args:
        bounds: The lower and the upper one.
        generator: Source of randomness.
        count: How many; one for each channel.

    Returns:
        So many numbers.
    """
    low, high = bounds
    return tuple((low + (high - low) * torch.rand(count, generator=generator)).tolist())


def below(end: int, generator: torch.Generator) -> int:
    """A whole number from 0.

    Args:
        end: One more than the greatest.
        generator: Source of randomness.

    Returns:
        The number.
    """
    return int(torch.randint(end, (1,), generator=generator))
