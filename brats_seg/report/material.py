"""Everything that the page of one case shows, read into memory. Covered by tests/report/test_report.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.artifacts.bundles import PIPELINES
from brats_seg.artifacts.label_maps import LabelMap
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.cases import Case, read_case
from brats_seg.errors import CaseError
from brats_seg.evaluation.pairs import Pair
from brats_seg.evaluation.reading import read_label_map, read_volume
from brats_seg.geometry import Box, bounding_box
from brats_seg.labels import LABEL_VALUES, convert, label_values
from brats_seg.metrics.volumes import volumes_ml
from brats_seg.nifti import Geometry, Volume
from brats_seg.terms import REGIONS

SHOWN = LABEL_VALUES["brats2024"]
"""Label values in which all label maps are shown: they have no gap."""


@dataclass(frozen=True, eq=False)
class Material:
    """One case.

    Attributes:
        image: ``(modality, z, y, x)``, scanner units.
        maps: Title to label map ``(z, y, x)`` in :data:`SHOWN`: truth, A, B, the final one; those that there
            are.
        uncertainty: ``(z, y, x)`` 0 to 100, the largest of the regions; None where none was written.
        geometry: Of the image.
        record: The JSON beside the final label map; empty where there is none.
    """

    image: NDArray[np.float32]
    maps: Mapping[str, NDArray[np.uint8]]
    uncertainty: NDArray[np.uint8] | None
    geometry: Geometry
    record: Mapping[str, Any]

    @cached_property
    def brain(self) -> Box:
        """The box around every voxel that an image or a label map shows."""
        seen = (self.image != 0).any(0)
        for label_map in self.maps.values():
            seen |= label_map != 0
        return bounding_box(seen) or Box((0, 0, 0), self.geometry.shape)

    @property
    def cavity(self) -> bool:
        """Whether a label map has a resection cavity."""
        return any((label_map == SHOWN.cavity).any() for label_map in self.maps.values())

    def volumes_ml(self) -> dict[str, dict[str, float]]:
        """Title of a label map to region to volume in millilitres."""
        spacing_mm = self.geometry.spacing_mm
        return {title: volumes_ml(label_map, SHOWN, spacing_mm) for title, label_map in self.maps.items()}


def read_material(case: Case, pair: Pair, predictions: Path) -> Material:
    """Read a case, its truth, and what `brats-seg predict` wrote for it.

    Args:
        case: The images.
        pair: The label maps.
        predictions: Prediction folder.

    Returns:
        All of it in memory.

    Raises:
        CaseError: A file cannot be used.
    """
    loaded = read_case(case, on_missing_modality="zero")
    like = Volume(loaded.image[0], loaded.geometry)
    folder = PredictionFolder(predictions)
    maps = {}
    for title, label_map in _label_maps(pair).items():
        volume = read_label_map(case.id, label_map, like)
        maps[title] = convert(volume.array, label_values(label_map.labels), SHOWN)
    uncertainty = _read_uncertainty(case.id, folder, like)
    return Material(loaded.image, maps, uncertainty, loaded.geometry, folder.read_record(case.id))


def _label_maps(pair: Pair) -> dict[str, LabelMap]:
    """Title to label map, in the order of the page."""
    found: dict[str, LabelMap] = {}
    if pair.reference is not None:
        found["Truth"] = pair.reference
    for pipeline, label_map in pair.per_pipeline.items():
        found[pipeline.upper()] = label_map
    if pair.prediction is not None:
        merged = len(pair.per_pipeline) == len(PIPELINES)
        found["Merged" if merged else "Prediction"] = pair.prediction
    return found


def _read_uncertainty(case_id: str, folder: PredictionFolder, like: Volume) -> NDArray[np.uint8] | None:
    """The largest of the regions."""
    present = []
    for region in REGIONS:
        path = folder.uncertainty(case_id, region)
        if path.is_file():
            present.append(path)
    if not present:
        return None
    if len(present) < len(REGIONS):
        expected = "a map for each of WT, TC and ET"
        found = f"only {', '.join(path.name for path in sorted(present))}"
        raise CaseError(case_id, file=present[0].parent, expected=expected, found=found)
    arrays = [read_volume(case_id, path, like).array for path in present]
    largest: NDArray[np.uint8] = np.maximum.reduce(arrays).astype(np.uint8)
    return largest
