"""A label map as DICOM Segmentation that refers to the series it lies on. Covered by
tests/scans/test_dicom_results.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import brats_seg
from brats_seg import nifti
from brats_seg.errors import UserError, one_line
from brats_seg.files import whole_file
from brats_seg.labels import LabelValues
from brats_seg.scans.packages import load
from brats_seg.scans.source_series import SourceSeries

NOTICE = "For research; not a medical device"
TISSUES = (
    ("necrosis", "Necrotic and non-enhancing tumour core", ("6574001", "SCT", "Necrosis")),
    ("oedema", "Peritumoural oedema", ("79654002", "SCT", "Edema")),
    ("enhancing", "Enhancing tumour", ("C113842", "NCIt", "Enhancing Lesion")),
)
"""Field of the label values, name, and code of each segment, as the SEG objects of BraTS in the archives
have them."""
ALTERED = ("49755003", "SCT", "Morphologically Altered Structure")


def write_segmentation(
    path: Path, label_map: nifti.Volume, labels: LabelValues, source: SourceSeries
) -> None:
    """Write a DICOM Segmentation with a segment for each tissue.

    Args:
        path: Of the file.
        label_map: On the grid of the series.
        labels: What its values mean.
        source: The series.

    Raises:
        UserError: The label map is empty, lies elsewhere, or the series lacks what a segmentation must
            refer to.
    """
    highdicom, pydicom = load("highdicom"), load("pydicom")
    frames = source.frames(label_map)
    if not frames.any():
        raise UserError("the label map holds no tumour: there is nothing to write as DICOM")
    masks = np.stack([frames == getattr(labels, field) for field, *_ in TISSUES], axis=-1).astype(np.uint8)
    uid = result_uid(label_map, source, "seg")
    try:
        result = highdicom.seg.Segmentation(
            source_images=source.headers,
            pixel_array=masks,
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=_segments(highdicom, uid),
            series_instance_uid=result_uid(label_map, source, "seg series"),
            series_number=9001,
            sop_instance_uid=uid,
            instance_number=1,
            manufacturer="brats-seg",
            manufacturer_model_name="brats-seg",
            software_versions=brats_seg.__version__,
            device_serial_number="none",
            series_description=f"brats-seg: {NOTICE}",
            content_label="TUMOUR",
            content_description=NOTICE,
            omit_empty_frames=False,
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UserError(f"the series cannot be referred to: {one_line(error)}") from error
    with whole_file(path) as temporary:
        pydicom.dcmwrite(temporary, result, enforce_file_format=True)


def result_uid(label_map: nifti.Volume, source: SourceSeries, kind: str) -> str:
    """A UID of something made of a label map: the same each time for the same label map and series.

    Args:
        label_map: On the grid of the series.
        source: The series.
        kind: What is made.

    Returns:
        The UID.
    """
    parts = [kind, str(source.headers[0].SeriesInstanceUID), label_map.array.tobytes().hex()[:1_000_000]]
    return str(load("pydicom.uid").generate_uid(entropy_srcs=[*parts, label_map.sha256]))


def _segments(highdicom: Any, uid: str) -> list[Any]:
    codes = load("pydicom.sr.codedict").codes
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name="brats-seg", family=codes.DCM.ArtificialIntelligence, version=brats_seg.__version__
    )
    coded = highdicom.sr.CodedConcept
    return [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=coded(*ALTERED),
            segmented_property_type=coded(*code),
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
            tracking_uid=load("pydicom.uid").generate_uid(entropy_srcs=[uid, name]),
            tracking_id=name,
        )
        for number, (_, name, code) in enumerate(TISSUES, 1)
    ]
