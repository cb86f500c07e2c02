"""Small label maps of cases, in every place and form that evaluation reads them from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SHAPE = (14, 16, 18)
Write = Callable[..., Path]


def tumour(seed: int, enhancing: int = 4) -> np.ndarray:
    """Nested boxes of oedema, necrosis and enhancing tumour, somewhere."""
    z, y, x = np.random.default_rng(seed).integers(1, 4, 3)
    label_map = np.zeros(SHAPE, np.uint8)
    label_map[z : z + 9, y : y + 9, x : x + 9] = 2
    label_map[z + 2 : z + 7, y + 2 : y + 7, x + 2 : x + 7] = enhancing
    label_map[z + 3 : z + 6, y + 3 : y + 6, x + 3 : x + 6] = 1
    return label_map


@pytest.fixture
def make_tumour() -> Callable[..., np.ndarray]:
    return tumour


@pytest.fixture
def cohort(write: Write, tmp_path: Path) -> tuple[Path, Path]:
    """Three cases in a tree, and their predictions: the first right, the second moved, the third empty."""
    for number, change in enumerate((lambda t: t, lambda t: np.roll(t, 1, 0), np.zeros_like)):
        case, truth = f"BraTS20_{number:03}", tumour(number)
        write(f"cases/{case}/{case}_seg.nii.gz", truth.astype(np.int16))
        for name in ("t1", "t1ce", "t2", "flair"):
            write(f"cases/{case}/{case}_{name}.nii.gz", np.ones(SHAPE, np.int16))
        write(f"predictions/{case}.nii.gz", change(truth), "brats2020")
    return tmp_path / "predictions", tmp_path / "cases"
