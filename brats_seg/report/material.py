"""Everything that the page of one case shows, read into memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.cases import Case, read_case
from brats_seg.errors import CaseError
from brats_seg.evaluation.pairs import LabelMap, Pair
from brats_seg.evaluation.reading import read_label_map, read_volume
from brats_seg.geometry import Box, bounding_box
from brats_seg.labels import LABEL_VALUES, convert, encode_regions
from brats_seg.nifti import Geometry, Volume
from brats_seg.terms import REGIONS

SHOWN = LABEL_VALUES["brats2023"]
"""All label maps are shown in this convention: its values have no gap."""


@dataclass(frozen=True, eq=False)
class Material:
    """One case.

    Attributes:
        image: ``(modality, z, y, x)``, scanner units.
        maps: Title to label map ``(z, y, x)`` in :data:`SHOWN`: truth, A, B, the final one; those that there are.
        uncertainty: ``(z, y, x)`` 0 to 100, the largest of the regions; None where none was written.
        geometry: Of the image.
        record: The JSON beside the final label map; empty where there is none.
    """

    image: NDArray[np.float32]
    maps: Mapping[str, NDArray[np.uint8]]
    uncertainty: NDArray[np.uint8] | None
    geometry: Geometry
    record: Mapping[str, Any]

    @property
    def brain(self) -> Box:
        """The box of what there is to see."""
        seen = (self.image != 0).any(0)
        for label_map in self.maps.values():
            seen |= label_map != 0
        return bounding_box(seen) or Box((0, 0, 0), self.geometry.shape)

    def volumes_ml(self) -> dict[str, dict[str, float]]:
        """Title of a label map to region to volume in millilitres."""
        voxel_ml = float(np.prod(self.geometry.spacing_mm)) / 1000
        counted = {
            name: encode_regions(label_map, SHOWN).sum((1, 2, 3)) * voxel_ml
            for name, label_map in self.maps.items()
        }
        return {name: dict(zip(REGIONS, volumes.tolist(), strict=True)) for name, volumes in counted.items()}


def read_material(case: Case, pair: Pair, predictions: Path) -> Material:
    """Read a case, its truth, and what `brats-seg predict` wrote for it.

    Raises:
        CaseError: A file cannot be used.
    """
    loaded = read_case(case, on_missing_modality="zero")
    like = Volume(loaded.image[0], loaded.geometry)
    found: dict[str, LabelMap] = {"Truth": pair.reference} if case.segmentation else {}
    found |= {metric.removeprefix("dice_").upper(): label_map for metric, label_map in pair.alone.items()}
    if pair.prediction is not None:
        found["Merged" if len(pair.alone) == 2 else "Prediction"] = pair.prediction
    maps = {
        name: _shown(read_label_map(case.id, label_map, like), label_map.labels)
        for name, label_map in found.items()
    }
    return Material(
        loaded.image,
        maps,
        _uncertainty(case.id, predictions, like),
        loaded.geometry,
        record(predictions, case.id),
    )


def record(predictions: Path, case_id: str) -> dict[str, Any]:
    """The JSON beside a label map; empty where there is none."""
    try:
        found = json.loads((predictions / f"{case_id}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _shown(volume: Volume, labels: str) -> NDArray[np.uint8]:
    return convert(volume.array.astype(np.uint8), LABEL_VALUES[labels], SHOWN)


def _uncertainty(case_id: str, predictions: Path, like: Volume) -> NDArray[np.uint8] | None:
    paths = sorted((predictions / "uncertainty").glob(f"{case_id}_unc_*.nii.gz"))
    if not paths:
        return None
    if len(paths) != len(REGIONS):
        names = ", ".join(path.name for path in paths)
        raise CaseError(
            case_id,
            file=predictions / "uncertainty",
            expected="a map for each of WT, TC and ET",
            found=f"only {names}",
        )
    largest: NDArray[np.uint8] = np.maximum.reduce(
        [read_volume(case_id, path, like).array for path in paths]
    ).astype(np.uint8)
    return largest
