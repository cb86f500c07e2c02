"""A label map as DICOM Segmentation and as RT Structure Set, both referring to the series it lies on."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import brats_seg
from brats_seg import nifti
from brats_seg.errors import UserError
from brats_seg.files import whole_file
from brats_seg.labels import LabelValues, encode_regions
from brats_seg.scans.packages import load
from brats_seg.scans.source_series import SourceSeries
from brats_seg.terms import REGIONS

NOTICE = "For research; not a medical device"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
TISSUES = (
    ("necrosis", "Necrotic and non-enhancing tumour core", ("6574001", "SCT", "Necrosis")),
    ("oedema", "Peritumoural oedema", ("79654002", "SCT", "Edema")),
    ("enhancing", "Enhancing tumour", ("C113842", "NCIt", "Enhancing Lesion")),
)
"""Field of the label values, name, and code of each segment, as the SEG objects of BraTS in the archives have them."""
ALTERED = ("49755003", "SCT", "Morphologically Altered Structure")
COLOURS = {"ET": [255, 0, 0], "TC": [0, 160, 60], "WT": [255, 220, 0]}


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
        UserError: The label map is empty, lies elsewhere, or the series lacks what a segmentation must refer to.
    """
    highdicom, pydicom = load("highdicom"), load("pydicom")
    frames = source.frames(label_map)
    if not frames.any():
        raise UserError("the label map holds no tumour: there is nothing to write as DICOM")
    masks = np.stack([frames == getattr(labels, field) for field, *_ in TISSUES], axis=-1).astype(np.uint8)
    uid = _uid(label_map, source, "seg")
    try:
        result = highdicom.seg.Segmentation(
            source_images=source.headers,
            pixel_array=masks,
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=_segments(highdicom, uid),
            series_instance_uid=_uid(label_map, source, "seg series"),
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
        raise UserError(f"the series cannot be referred to: {' '.join(str(error).split())}") from error
    with whole_file(path) as temporary:
        pydicom.dcmwrite(temporary, result, enforce_file_format=True)


def write_structures(path: Path, label_map: nifti.Volume, labels: LabelValues, source: SourceSeries) -> None:
    """Write an RT Structure Set with the outlines of ET, TC and WT in each slice; holes are outlines of their own.

    Args:
        path: Of the file.
        label_map: On the grid of the series.
        labels: What its values mean.
        source: The series, one file per slice.

    Raises:
        UserError: The label map is empty or lies elsewhere, or the series is an enhanced one.
    """
    if len(source.headers) == 1:
        raise UserError("an RTSTRUCT refers to single slices: the series is enhanced multi-frame")
    frames = source.frames(label_map)
    if not frames.any():
        raise UserError("the label map holds no tumour: there is nothing to write as DICOM")
    pydicom = load("pydicom")
    result = _structure_set(label_map, source)
    sequences: dict[str, list[Any]] = {"roi": [], "contours": [], "observations": []}
    for number, (name, region) in enumerate(zip(REGIONS, encode_regions(frames, labels), strict=True), 1):
        _add_region(sequences, number, name, list(_contours(region, source)), result)
    result.StructureSetROISequence = sequences["roi"]
    result.ROIContourSequence = sequences["contours"]
    result.RTROIObservationsSequence = sequences["observations"]
    with whole_file(path) as temporary:
        pydicom.dcmwrite(temporary, result, enforce_file_format=True)


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


def _uid(label_map: nifti.Volume, source: SourceSeries, kind: str) -> str:
    """The same for the same label map of the same series."""
    parts = [kind, str(source.headers[0].SeriesInstanceUID), label_map.array.tobytes().hex()[:1_000_000]]
    return str(load("pydicom.uid").generate_uid(entropy_srcs=[*parts, label_map.sha256]))


def _contours(region: NDArray[np.bool_], source: SourceSeries) -> Iterator[tuple[Any, NDArray[np.float64]]]:
    """The slice's header, and points ``(n, 3)`` in LPS millimetres, of each outline."""
    contourpy: Any = load("contourpy")

    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ source.geometry.affine
    for at in np.flatnonzero(region.any(axis=(1, 2))):
        padded = np.pad(region[at].astype(float), 1)
        for line in contourpy.contour_generator(z=padded).lines(0.5):
            columns, rows = line[:-1].T - 1  # closed: the last point is the first
            index = np.stack([columns, rows, np.full(len(rows), float(at)), np.ones(len(rows))])
            yield source.headers[at], (affine @ index)[:3].T


def _structure_set(label_map: nifti.Volume, source: SourceSeries) -> Any:
    """An RT Structure Set of the series' patient and study, without structures."""
    pydicom = load("pydicom")
    first, item = source.headers[0], pydicom.Dataset
    result = item()
    result.file_meta = pydicom.dataset.FileMetaDataset()
    result.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    result.SOPClassUID, result.SOPInstanceUID = RTSTRUCT, _uid(label_map, source, "rtstruct")
    result.SeriesInstanceUID = _uid(label_map, source, "rtstruct series")
    taken = (
        "SpecificCharacterSet",
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyInstanceUID",
    )
    for keyword in (*taken, "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"):
        setattr(result, keyword, first.get(keyword, "")) if keyword != taken[0] or keyword in first else None
    now = datetime.datetime.now()
    result.Modality, result.Manufacturer, result.ManufacturerModelName = "RTSTRUCT", "brats-seg", "brats-seg"
    result.SoftwareVersions, result.OperatorsName = brats_seg.__version__, ""
    result.SeriesNumber, result.InstanceNumber = 9002, 1
    result.SeriesDescription = f"brats-seg: {NOTICE}"
    result.StructureSetLabel, result.StructureSetDescription = "TUMOUR", NOTICE
    result.StructureSetDate, result.StructureSetTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    result.ApprovalStatus = "UNAPPROVED"
    result.FrameOfReferenceUID, result.PositionReferenceIndicator = first.FrameOfReferenceUID, ""
    series, study, frame = item(), item(), item()
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ContourImageSequence = [_reference(header) for header in source.headers]
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = (
        "1.2.840.10008.3.1.2.3.1",
        first.StudyInstanceUID,
    )
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = first.FrameOfReferenceUID, [study]
    result.ReferencedFrameOfReferenceSequence = [frame]
    return result


def _reference(header: Any) -> Any:
    item = load("pydicom").Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    return item


def _add_region(
    sequences: dict[str, list[Any]], number: int, name: str, outlines: list[Any], whole: Any
) -> None:
    item = load("pydicom").Dataset
    roi, contours, observation = item(), item(), item()
    roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = number, name, "AUTOMATIC"
    roi.ReferencedFrameOfReferenceUID = whole.FrameOfReferenceUID
    contours.ReferencedROINumber, contours.ROIDisplayColor = number, COLOURS[name]
    contours.ContourSequence = []
    for header, points in outlines:
        outline = item()
        outline.ContourImageSequence = [_reference(header)]
        outline.ContourGeometricType, outline.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
        outline.ContourData = [f"{value:.4f}" for value in points.ravel()]
        contours.ContourSequence.append(outline)
    observation.ObservationNumber = observation.ReferencedROINumber = number
    observation.RTROIInterpretedType, observation.ROIInterpreter = "", ""
    sequences["roi"].append(roi)
    sequences["contours"].append(contours)
    sequences["observations"].append(observation)
