"""What a bundle tells of the cases that it was trained on. Covered by tests/data/test_training_cases.py."""

from __future__ import annotations

from typing import Any

from brats_seg.artifacts.provenance import RANGES, TRAINING_CASES
from brats_seg.artifacts.synthetic import SYNTHETIC_CASES
from brats_seg.data.base import BraTSDataModule
from brats_seg.phantom import is_synthetic
from brats_seg.preprocessing import likeness


def count_training_cases(data: BraTSDataModule) -> dict[str, int]:
    """How many cases a training has, and how many of them are phantoms."""
    chosen = set(data.split.train)
    synthetic = [case for case in data.cases if case.id in chosen and is_synthetic(case.files[0])]
    return {TRAINING_CASES: len(chosen), SYNTHETIC_CASES: len(synthetic)}


def describe_training_cases(data: BraTSDataModule) -> dict[str, Any]:
    """As :func:`count_training_cases`, and the ranges of intensities and volumes of the training cases.

    Args:
        data: With every case prepared.

    Returns:
        Plain values.
    """
    described = []
    for case_id in data.split.train:
        case = data.cases_ready[case_id]
        numbers = likeness.describe_image(case.image())
        described.append({**numbers, likeness.TUMOUR: likeness.tumour_ml(case.regions())})
    return {**count_training_cases(data), RANGES: likeness.ranges(described)}
