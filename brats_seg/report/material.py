"""Everything that the page of one case shows, read into memory. Covered by tests/report/test_report.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.artifacts.label_maps import LabelMap, read_record_beside
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.artifacts.prediction_tables import AGREEMENT
from brats_seg.cases import read_case
from brats_seg.errors import CaseError
from brats_seg.evaluation.pairs import Pair
from brats_seg.evaluation.reading import read_label_map, read_volume
from brats_seg.geometry import Box, bounding_box
from brats_seg.labels import convert, label_values
from brats_seg.metrics.agreement import agreement
from brats_seg.metrics.volumes import tissue_volumes_ml, volumes_ml
from brats_seg.nifti import Geometry, Volume
from brats_seg.pictures import TITLES, window
from brats_seg.report.case_files import CaseFiles
from brats_seg.report.native import Native, read_native
from brats_seg.report.shown import SHOWN
from brats_seg.terms import MODALITIES, PIPELINES, REGIONS

UNDER = "T1ce"
"""Title of the sequence that label maps are drawn over."""
TRUTH = "Truth"
"""Title of the reference."""
NATIVE = "Scanner's space"
"""Title of the final label map on the T1ce's own grid."""


@dataclass(frozen=True, eq=False)
class Material:
    """One case.

    Attributes:
        case_id: Its id.
        image: ``(modality, z, y, x)``, scanner units; zeros where there is no such sequence.
        maps: Title to label map ``(z, y, x)`` in :data:`SHOWN`: truth, A, B, the final one; those that there
            are.
        uncertainty: ``(z, y, x)`` 0 to 100, the largest of the regions; None where none was written.
        geometry: Of the image.
        record: The JSON beside the final label map; empty where there is none.
        notes: What is worth knowing of the files, a line each.
        native: The case in the scanner's own space, where there is that.
    """

    case_id: str
    image: NDArray[np.float32]
    maps: Mapping[str, NDArray[np.uint8]]
    uncertainty: NDArray[np.uint8] | None
    geometry: Geometry
    record: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    native: Native | None = None

    @cached_property
    def greys(self) -> dict[str, NDArray[np.uint8]]:
        """Title of each sequence that there is to ``(z, y, x)``, 0 to 255 in its window."""
        found = {}
        for title, channel in zip(TITLES, self.image, strict=True):
            if channel.any():
                found[title] = (255 * window(channel, channel != 0)).astype(np.uint8)
        return found

    @property
    def under(self) -> NDArray[np.uint8]:
        """What label maps are drawn over: the T1ce, else the first sequence, else black."""
        first = next(iter(self.greys.values()), np.zeros(self.geometry.shape, np.uint8))
        return self.greys.get(UNDER, first)

    @property
    def final(self) -> NDArray[np.uint8]:
        """The final label map: the last one."""
        return list(self.maps.values())[-1]

    @property
    def guide(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The first label map, and the brain, in its box: what is shown first is chosen by them."""
        box = self.brain
        return next(iter(self.maps.values()))[box.slices], (self.image != 0).any(0)[box.slices]

    @property
    def warnings(self) -> list[str]:
        """What the JSON warns of, then what is worth knowing of the files."""
        return [*self.record.get("warnings", []), *self.notes]

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

    def agreement(self) -> dict[str, float]:
        """Region to Dice of the maps of A and B; empty where there are not both."""
        if not {"A", "B"} <= set(self.maps):
            return {}
        return agreement(self.maps["A"], self.maps["B"], SHOWN)

    def summary(self) -> dict[str, Any]:
        """What a JSON beside the final label map holds of it, whoever wrote one."""
        final = list(self.maps)[-1]
        volumes = self.volumes_ml()[final]
        return {"volumes_ml": volumes, AGREEMENT: self.agreement(), "warnings": self.warnings}

    def volumes_ml(self) -> dict[str, dict[str, float]]:
        """Title of a label map to region and tissue to volume in millilitres."""
        found = {}
        for title, label_map in self.maps.items():
            regions_ml = volumes_ml(label_map, SHOWN, self.geometry.spacing_mm)
            found[title] = tissue_volumes_ml(regions_ml)
        if self.native is not None:
            found[NATIVE] = tissue_volumes_ml(self.native.volumes_ml())
        return found


def read_material(files: CaseFiles, predictions: Path) -> Material:
    """Read a case, its truth, and what `brats-seg predict` wrote for it.

    Args:
        files: Images and label maps.
        predictions: Prediction folder.

    Returns:
        All of it in memory.

    Raises:
        CaseError: A file cannot be used.
    """
    case_id, pair = files.case.id, files.pair
    assert pair.prediction is not None  # or there would be no page
    notes = list(files.notes)
    if files.case.modalities:
        loaded = read_case(files.case, on_missing_modality="zero")
        image, geometry = loaded.image, loaded.geometry
        notes += files.changed(loaded.sha256)
    else:
        geometry = read_label_map(case_id, pair.prediction).geometry
        image = np.zeros((len(MODALITIES), *geometry.shape), np.float32)
    like = Volume(image[0], geometry)
    maps = {}
    for title, label_map in _label_maps(pair).items():
        volume = read_label_map(case_id, label_map, like)
        maps[title] = convert(volume.array, label_values(label_map.labels), SHOWN)
    folder = PredictionFolder(predictions)
    uncertainty = _read_uncertainty(case_id, folder, like)
    native = read_native(case_id, folder, pair.prediction.labels)
    record = read_record_beside(pair.prediction.path)
    return Material(case_id, image, maps, uncertainty, geometry, record, tuple(notes), native)


def _label_maps(pair: Pair) -> dict[str, LabelMap]:
    """Title to label map, in the order of the page."""
    found: dict[str, LabelMap] = {}
    if pair.reference is not None:
        found[TRUTH] = pair.reference
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
