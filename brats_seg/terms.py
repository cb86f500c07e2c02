"""The words of the field, and the order of channels, the same everywhere: types and constants only.

Covered by the tests of every room that uses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from jaxtyping import Float, Shaped

if TYPE_CHECKING:  # it takes a second
    from torch import Tensor

Pipeline = Literal["a", "b"]
PIPELINES: tuple[Pipeline, Pipeline] = ("a", "b")

MODALITIES = ("t1", "t1ce", "t2", "flair")
"""Channel order of every image."""

REGIONS = ("ET", "TC", "WT")
"""Channel order of every target, logit and probability: enhancing tumour, tumour core, whole tumour."""


class Unlabelled(NamedTuple):
    """Patches without a target, each seen twice: equal in space, different in intensity.

    Attributes:
        student: What the network sees that learns.
        teacher: What its average sees.
        case_ids: One id per sample.
    """

    student: Float[Tensor, "batch modality z y x"]
    teacher: Float[Tensor, "batch modality z y x"]
    case_ids: list[str]


class Batch(NamedTuple):
    """What the loader hands to the network.

    Attributes:
        image: Normalised.
        target: 0 or 1, on the image's device.
        case_ids: One id per sample.
        unlabelled: Patches without a target, where a mean teacher asks for them.
    """

    image: Float[Tensor, "batch modality z y x"]
    target: Shaped[Tensor, "batch region z y x"]
    case_ids: list[str]
    unlabelled: Unlabelled | None = None


class Logits(NamedTuple):
    """The network's output, before the sigmoid, every head at full size.

    Attributes:
        main: The head that predicts.
        deep: The auxiliary heads, lowest resolution first; empty when they were not asked for.
    """

    main: Float[Tensor, "batch region z y x"]
    deep: tuple[Float[Tensor, "batch region z y x"], ...] = ()


DIVISOR = 8
"""Spatial sizes must be multiples of this: the encoder halves them three times."""
