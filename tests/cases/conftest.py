"""Small cases written by code, in any layout, with any defect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import Case, ModalityFile

SHAPE = (10, 12, 14)
NAMES = {"2020": ("_t1", "_t1ce", "_t2", "_flair", "_seg"), "2023": ("-t1n", "-t1c", "-t2w", "-t2f", "-seg")}


def brain(seed: int = 0) -> np.ndarray:
    """Noise inside an ellipsoid, zeros around it."""
    grid = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    inside = sum(g**2 for g in grid) < 0.8
    return (np.random.default_rng(seed).integers(100, 900, SHAPE) * inside).astype(np.int16)


def labels(values: tuple[int, ...] = (1, 2, 4)) -> np.ndarray:
    """A few voxels of each value in the middle."""
    label_map = np.zeros(SHAPE, np.uint8)
    for i, value in enumerate(values):
        label_map[5, 5 + i, 6:9] = value
    return label_map


@dataclass(frozen=True)
class Maker:
    """Writes what the tests read."""

    root: Path

    def volume(
        self, path: str | Path, array: np.ndarray | None = None, geometry: nifti.Geometry | None = None
    ) -> Path:
        """One file."""
        array = brain() if array is None else array
        nifti.write(self.root / path, array, geometry or nifti.lps_geometry(array.shape))
        return self.root / path

    def case(
        self,
        folder: str,
        *,
        case_id: str | None = None,
        naming: str = "2020",
        suffix: str = ".nii.gz",
        seg: Any = (1, 2, 4),
    ) -> Path:
        """A folder of four modalities and, where ``seg`` is not None, a label map."""
        case_id = case_id or Path(folder).name
        *modalities, last = NAMES[naming]
        for seed, ending in enumerate(modalities):
            self.volume(f"{folder}/{case_id}{ending}{suffix}", brain(seed))
        if seg is not None:
            self.volume(f"{folder}/{case_id}{last}{suffix}", labels(seg))
        return self.root / folder

    def good(self, **change: Any) -> Case:
        """A faultless case; ``t1=array`` or ``t1=(array, geometry)`` puts something else in a file."""
        files = (
            {name: brain(i) for i, name in enumerate(("t1", "t1ce", "t2", "flair"))}
            | {"seg": labels()}
            | change
        )
        for name, content in files.items():
            if isinstance(content, bytes):
                (self.root / f"{name}.nii.gz").write_bytes(content)
            elif content is not None:
                self.volume(f"{name}.nii.gz", *(content if isinstance(content, tuple) else (content,)))
        paths = {
            name: ModalityFile(self.root / f"{name}.nii.gz")
            for name in ("t1", "t1ce", "t2", "flair")
            if files[name] is not None
        }
        return Case(
            "good", paths, self.root / "seg.nii.gz" if files["seg"] is not None else None, "brats2020"
        )


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


@pytest.fixture
def brain_of() -> Callable[[int], np.ndarray]:
    return brain


@pytest.fixture
def labels_of() -> Callable[..., np.ndarray]:
    return labels
