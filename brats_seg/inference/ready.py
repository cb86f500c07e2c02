"""A case as the networks see it, made once and perhaps ahead. Covered by tests/inference/test_predict.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from brats_seg.artifacts.bundles import Bundle, Pipeline
from brats_seg.cases import LoadedCase
from brats_seg.preprocessing import Normalisation, Prepared, brain_mask, prepare


class ReadyCase:
    """A loaded case with what is made of it for every normalisation.

    Args:
        loaded: The case.
        normalisations: Those to apply now; another one is applied when it is asked for.

    Raises:
        CaseError: The brain is empty.
    """

    def __init__(self, loaded: LoadedCase, normalisations: Iterable[Normalisation] = ()) -> None:
        self.loaded = loaded
        self._made = [(normalise, prepare(loaded, normalise)) for normalise in normalisations]

    @cached_property
    def brain(self) -> Bool[NDArray[np.bool_], "z y x"]:
        """Union of the sequences' non-zero voxels."""
        return brain_mask(self.loaded.image)

    def as_seen_by(self, normalise: Normalisation) -> Prepared:
        """What the networks of a normalisation see."""
        for known, prepared in self._made:
            if known == normalise:
                return prepared
        prepared = prepare(self.loaded, normalise)
        self._made.append((normalise, prepared))
        return prepared


def normalisations_of(bundles: Mapping[Pipeline, Sequence[Bundle]]) -> list[Normalisation]:
    """Every normalisation once."""
    found: list[Normalisation] = []
    for group in bundles.values():
        found += [bundle.normalisation for bundle in group if bundle.normalisation not in found]
    return found
