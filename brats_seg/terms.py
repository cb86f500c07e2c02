"""The words of the field, and the order of channels, the same everywhere: types and constants only."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

MODALITIES = ("t1", "t1ce", "t2", "flair")
"""Channel order of every image."""

REGIONS = ("ET", "TC", "WT")
"""Channel order of every target, logit and probability: enhancing tumour, tumour core, whole tumour."""


class Batch(NamedTuple):
    """What the loader hands to the network.

    Attributes:
        image: ``(batch, modality, z, y, x)``, normalised.
        target: ``(batch, region, z, y, x)``, 0 or 1, same device as the image.
        case_ids: One id per sample.
    """

    image: Tensor
    target: Tensor
    case_ids: list[str]


class Logits(NamedTuple):
    """What the network answers, before the sigmoid, every head at full size.

    Attributes:
        main: ``(batch, region, z, y, x)``.
        deep: The auxiliary heads, lowest resolution first; empty when they were not asked for.
    """

    main: Tensor
    deep: tuple[Tensor, ...] = ()


DIVISOR = 8
"""Spatial sizes must be multiples of this: the encoder halves them three times."""
