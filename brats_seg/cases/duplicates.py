"""The same images under two ids: as they are, or in other units. Covered by tests/cases/test_comparisons.py.

In other units no hash stays the same, so that the bright and the dark parts of the head are compared.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.geometry import bounding_box

BLOCKS = 10
"""Of a pattern along each axis of the head's box."""
PATTERN = " pattern"
"""Behind the name of a sequence: key of its pattern among the fingerprints."""
MOST_OTHER_BITS = 10
"""Blocks of 1000 in which two patterns of one image may differ.

Those of 12 real patients differ in at least 40 blocks; copies times 3.7, or times 0.037 and rounded, in none.
"""


def fingerprint(array: NDArray[Any], inside: NDArray[np.bool_]) -> str:
    """A hash of the voxels in the box of the non-zero ones, whatever their type, padding and compression.

    Args:
        array: ``(z, y, x)``.
        inside: Where it is not zero.

    Returns:
        Hexadecimal digits; empty where every voxel is zero.
    """
    box = bounding_box(inside)
    if box is None:
        return ""
    crop = np.ascontiguousarray(box.crop(array), np.float32)
    return hashlib.blake2b(crop.data, digest_size=16, person=str(crop.shape)[:16].encode()).hexdigest()


def pattern(array: NDArray[Any], inside: NDArray[np.bool_]) -> str:
    """Which blocks of a head are brighter than its median block: the same for a copy in other units.

    Args:
        array: ``(z, y, x)``.
        inside: Where it is not zero.

    Returns:
        A bit for each block, as hexadecimal digits; empty where the head is too small to be compared.
    """
    box = bounding_box(inside)
    if box is None or min(box.crop(array).shape) < BLOCKS:
        return ""
    sums: NDArray[Any] = box.crop(array)
    with np.errstate(all="ignore"):  # of values that are no numbers, other lines tell
        for axis, size in enumerate(sums.shape):
            begins = np.linspace(0, size, BLOCKS + 1).round().astype(np.intp)[:-1]
            sums = np.add.reduceat(sums, begins, axis=axis, dtype=np.float64)
    bright = sums > np.median(sums[sums > 0]) if (sums > 0).any() else sums > 0
    return np.packbits(bright).tobytes().hex()


def same_images(fingerprints: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, list[str]]]:
    """Cases that share images or a truth.

    Args:
        fingerprints: Case id to modality, or ``seg``, to the hash, and with :data:`PATTERN` to the pattern.

    Returns:
        Case id to the id of the first case with an image of it, to what they share; empty where none do.
    """
    first: dict[str, str] = {}
    patterns: dict[str, list[tuple[int, str]]] = defaultdict(list)
    shared: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for case_id, of_case in sorted(fingerprints.items()):
        for name, digest in of_case.items():
            if name.endswith(PATTERN):
                owner = _first_alike(digest, case_id, patterns[name])
            else:
                owner = first.setdefault(digest, case_id) if digest else case_id
            modality = name.removesuffix(PATTERN)
            if owner != case_id and modality not in shared[case_id][owner]:
                shared[case_id][owner].append(modality)
    return {case_id: dict(owners) for case_id, owners in shared.items()}


def _first_alike(digest: str, case_id: str, seen: list[tuple[int, str]]) -> str:
    """The first case whose pattern is alike, this one where there is none; it is seen from now on."""
    try:
        bits = int(digest, 16)
    except ValueError:  # none, or a record that somebody has edited
        return case_id
    owner = _find_alike(bits, seen)
    if owner is None:
        seen.append((bits, case_id))
        return case_id
    return owner


def _find_alike(bits: int, seen: Sequence[tuple[int, str]]) -> str | None:
    for other, owner in seen:
        if (bits ^ other).bit_count() <= MOST_OTHER_BITS:
            return owner
    return None
