"""A label map on the T1ce's own grid, where `brats-seg align` and `predict` left one.

Covered by tests/report/test_sources.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brats_seg.artifacts.label_maps import LabelMap, read_record_beside, recorded_labels
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.artifacts.recorded_images import recorded_images
from brats_seg.evaluation.reading import read_label_map, read_volume
from brats_seg.labels import convert, label_values
from brats_seg.metrics.volumes import volumes_ml
from brats_seg.nifti import Geometry
from brats_seg.report.shown import SHOWN


@dataclass(frozen=True, eq=False)
class Native:
    """One case in the scanner's own space.

    Attributes:
        label_map: ``(z, y, x)`` in LPS, values of :data:`SHOWN`.
        image: The T1ce, same shape, scanner units; zeros where nothing tells which it is.
        geometry: Of both.
    """

    label_map: NDArray[np.uint8]
    image: NDArray[np.float32]
    geometry: Geometry

    def volumes_ml(self) -> dict[str, float]:
        """Region to volume in millilitres."""
        return volumes_ml(self.label_map, SHOWN, self.geometry.spacing_mm)


def read_native(case_id: str, folder: PredictionFolder, labels: str) -> Native | None:
    """Read ``native/<case id>.nii.gz``, and the T1ce that the JSON beside it names.

    Args:
        case_id: Of the case.
        folder: The prediction folder.
        labels: Name of the label values, where the JSON beside the map records none.

    Returns:
        None where there is no such label map.

    Raises:
        CaseError: A file cannot be used.
    """
    path = folder.native(case_id)
    if not path.is_file():
        return None
    name = recorded_labels(path) or labels
    volume = read_label_map(case_id, LabelMap(path, name))
    shown = convert(volume.array, label_values(name), SHOWN)
    image = np.zeros(shown.shape, np.float32)
    images = recorded_images(case_id, read_record_beside(path)).case.modalities
    if "t1ce" in images:
        image = read_volume(case_id, images["t1ce"].path, volume).array.astype(np.float32)
    return Native(shown, image, volume.geometry)
