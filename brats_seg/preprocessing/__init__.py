"""From a loaded case to what a network may see, and the cache that keeps it."""

from brats_seg.preprocessing.cache import Cache
from brats_seg.preprocessing.cached_case import CachedCase
from brats_seg.preprocessing.normalise import MinMax, Normalisation, ZScore, normalisation_from
from brats_seg.preprocessing.prepare import Prepared, brain_mask, prepare

__all__ = [
    "Cache",
    "CachedCase",
    "MinMax",
    "Normalisation",
    "Prepared",
    "ZScore",
    "brain_mask",
    "normalisation_from",
    "prepare",
]
