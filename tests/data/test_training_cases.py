"""A bundle tells how many of its training cases are phantoms, and how they look."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from brats_seg.cases import find_cases
from brats_seg.data.training_cases import describe_training_cases
from brats_seg.phantom import write_cohort
from brats_seg.preprocessing import Cache, ZScore


def test_phantoms_are_counted_and_ranges_measured(tmp_path: Path) -> None:
    write_cohort(tmp_path / "phantoms", cases=2, seed=0, shape=(32, 40, 32))
    other = "BraTS20_Training_002"
    shutil.move(tmp_path / "phantoms" / other, tmp_path / "others" / other)
    cases = [*find_cases(tmp_path / "phantoms"), *find_cases(tmp_path / "others")]
    ready = Cache(tmp_path / "cache", ZScore()).ensure(cases, workers=0)
    split = SimpleNamespace(train=tuple(ready))
    data = cast(Any, SimpleNamespace(cases=cases, cases_ready=ready, split=split))
    told = describe_training_cases(data)
    assert (told["training_cases"], told["synthetic_cases"]) == (2, 1)
    low, high = told["training_ranges"]["whole tumour, ml"]
    assert 0 < low < high
    assert len(told["training_ranges"]) == 10
