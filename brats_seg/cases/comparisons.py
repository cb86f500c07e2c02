"""What is compared with each other: the sequences of a case, its truth with them, the cases of a cohort.

Covered by tests/cases/test_comparisons.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.cases.case import Case
from brats_seg.cases.duplicates import PATTERN, fingerprint, pattern
from brats_seg.cases.problem import Problem

LARGEST_EXCESS = 1.15
"""Of non-zero voxels over those of the other sequences: in real cases they differ by less than 0.2 %."""
LEAST_BRIGHTNESS = 0.7
"""Chance that a voxel of the truth is brighter than one of the brain around it, in T2 or FLAIR.

16 real cases have 0.81 to 0.99 with their own truth; with another's, four of five have less than 0.7.
"""
LEAST_TUMOUR = 100
"""Voxels: a smaller tumour is not compared."""
MOST_OUTSIDE = 0.05
"""Share of labelled voxels outside the brain, from which a truth is taken for another patient's."""
SAMPLE = 4000
SAME_IMAGE = 0.999
"""Correlation above which two sequences are one image; those of real cases reach 0.5."""
LEAST_SAMPLE, MOST_SAMPLE = 20, 300_000
"""Voxels: fewer correlate by chance, more say no more."""
SEGMENTATION = "seg"


@dataclass
class Compared:
    """What the comparisons need of a case, gathered as its files are read.

    Attributes:
        fingerprints: Modality, or ``seg``, to a hash of its non-zero voxels, wherever they lie in the volume;
            a modality's pattern besides.
        sizes: Modality to the number of its non-zero voxels.
        brain: Where a sequence has signal, ``(z, y, x)``.
        bright: T2 and FLAIR, in which oedema is bright.
        samples: Modality to evenly spaced voxels, by which copies in other units are told.
    """

    fingerprints: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    brain: NDArray[np.bool_] | None = None
    bright: dict[str, NDArray[Any]] = field(default_factory=dict)
    samples: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def add(self, name: str, array: NDArray[Any]) -> None:
        """Take in one sequence.

        Args:
            name: Of the modality.
            array: ``(z, y, x)``, background 0.
        """
        inside = array != 0
        self.fingerprints[name] = fingerprint(array, inside)
        self.fingerprints[f"{name}{PATTERN}"] = pattern(array, inside)
        self.sizes[name] = int(np.count_nonzero(inside))
        step = max(round((array.size / MOST_SAMPLE) ** (1 / 3)), 1)
        self.samples[name] = array[::step, ::step, ::step].astype(np.float64)
        if self.brain is None or self.brain.shape != inside.shape:
            self.brain = inside
        else:
            self.brain = self.brain | inside
        if name in ("t2", "flair"):
            self.bright[name] = array

    def sequence_problems(self, case: Case) -> Iterator[Problem]:
        """Two sequences that are one image, or of which one shows more of the head than the others."""
        copies: set[str] = set()
        for one, other in combinations(self.samples, 2):
            if other not in copies and self._is_copy(one, other):
                copies.add(other)
                path = case.modalities[other].path
                yield Problem(path, f"an image of its own for {other}", f"that of {one}", "note")
        for name, size in self.sizes.items():
            others = sorted(other for key, other in self.sizes.items() if key != name)
            usual = others[len(others) // 2] if others else size
            if usual and size > LARGEST_EXCESS * usual:
                found = (
                    f"{size / usual:.2f} times as many non-zero voxels as in the other sequences; "
                    "if its skull is still there, strip it as in the others"
                )
                path = case.modalities[name].path
                yield Problem(path, f"the same part of the head in {name} as in the others", found, "note")

    def _is_copy(self, one: str, other: str) -> bool:
        """Whether two sequences are one image, perhaps in other units."""
        if self.fingerprints[one] == self.fingerprints[other]:
            return bool(self.fingerprints[one])
        a, b = self.samples[one], self.samples[other]
        if a.shape != b.shape:
            return False
        inside = (a != 0) | (b != 0)
        a, b = a[inside] - a[inside].mean(), b[inside] - b[inside].mean()
        norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return a.size >= LEAST_SAMPLE and norm > 0 and float((a * b).sum()) > SAME_IMAGE * norm

    def truth_problems(self, path: Path, label_map: NDArray[Any]) -> Iterator[Problem]:
        """A truth that does not fit the images: labels outside the brain, or no oedema where it says so.

        Args:
            path: Of the truth.
            label_map: ``(z, y, x)``.

        Yields:
            What is wrong.
        """
        tumour = label_map != 0
        if self.brain is None or self.brain.shape != tumour.shape:
            return
        size = int(np.count_nonzero(tumour))
        self.fingerprints[SEGMENTATION] = fingerprint(label_map, tumour)
        outside = int(np.count_nonzero(tumour & ~self.brain))
        if outside:
            found = f"{outside} labelled voxels where every sequence is zero, of {size}"
            many = outside >= MOST_OUTSIDE * size
            advice = "; is it the truth of another patient, or of another space?" if many else ""
            yield Problem(path, "labels inside the brain only", found + advice, "error" if many else "note")
        if size >= LEAST_TUMOUR and not outside:
            yield from self._dark_truth(path, tumour)

    def _dark_truth(self, path: Path, tumour: NDArray[np.bool_]) -> Iterator[Problem]:
        assert self.brain is not None
        rest = self.brain & ~tumour
        same_shape = [array for array in self.bright.values() if array.shape == rest.shape]
        chance = max((_brighter(array[tumour], array[rest]) for array in same_shape), default=1.0)
        if chance < LEAST_BRIGHTNESS:
            found = "a truth no brighter than the rest of the brain; is it that of another patient?"
            yield Problem(path, "a tumour that is bright in T2 or FLAIR", found, "note")


def _brighter(tumour: NDArray[Any], rest: NDArray[Any]) -> float:
    """The chance that a voxel of the one is brighter than one of the other, from evenly spaced voxels."""
    if not (tumour.size and rest.size):
        return 1.0
    some = tumour[:: max(tumour.size // SAMPLE, 1)]
    others = np.sort(rest[:: max(rest.size // SAMPLE, 1)])
    ranks = np.searchsorted(others, some) + np.searchsorted(others, some, side="right")
    return float(ranks.mean()) / 2 / others.size
