"""A label map as RT Structure Set that refers to the series it lies on. Covered by
tests/scans/test_dicom_results.py."""

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
from brats_seg.scans.segmentation import NOTICE, result_uid
from brats_seg.scans.source_series import SourceSeries
from brats_seg.terms import REGIONS

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
OF_THE_STUDY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
"""Attributes taken from the series, empty where it has none."""
COLOURS = {"ET": [255, 0, 0], "TC": [0, 160, 60], "WT": [255, 220, 0]}


def write_structures(path: Path, label_map: nifti.Volume, labels: LabelValues, source: SourceSeries) -> None:
    """Write an RT Structure Set with the outlines of ET, TC and WT in each slice; holes are outlines of
    their own.

    Args:
        path: Of the file.
        label_map: On the grid of the series.
        labels: What its values mean.
        source: The series.

    Raises:
        UserError: The label map is empty or lies elsewhere.
    """
    # Outlines are drawn slice by slice; the frames of an enhanced series may have another order.
    frames = source.frames(label_map)[np.argsort(source.order)]
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


def _contours(region: NDArray[np.bool_], source: SourceSeries) -> Iterator[tuple[Any, NDArray[np.float64]]]:
    """A reference to the slice, and points ``(n, 3)`` in LPS millimetres, of each outline."""
    contourpy: Any = load("contourpy")

    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ source.geometry.affine
    for at in np.flatnonzero(region.any(axis=(1, 2))):
        padded = np.pad(region[at].astype(float), 1)
        for line in contourpy.contour_generator(z=padded).lines(0.5):
            columns, rows = line[:-1].T - 1  # closed: the last point is the first
            index = np.stack([columns, rows, np.full(len(rows), float(at)), np.ones(len(rows))])
            yield _reference(*source.image_of(int(at))), (affine @ index)[:3].T


def _structure_set(label_map: nifti.Volume, source: SourceSeries) -> Any:
    """An RT Structure Set of the series' patient and study, without structures."""
    pydicom = load("pydicom")
    first, item = source.headers[0], pydicom.Dataset
    result = item()
    result.file_meta = pydicom.dataset.FileMetaDataset()
    result.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    result.SOPClassUID, result.SOPInstanceUID = RTSTRUCT, result_uid(label_map, source, "rtstruct")
    result.SeriesInstanceUID = result_uid(label_map, source, "rtstruct series")
    for keyword in OF_THE_STUDY:
        setattr(result, keyword, first.get(keyword, ""))
    if "SpecificCharacterSet" in first:  # empty it would be none
        result.SpecificCharacterSet = first.SpecificCharacterSet
    now = datetime.datetime.now()
    result.Modality, result.Manufacturer, result.ManufacturerModelName = "RTSTRUCT", "brats-seg", "brats-seg"
    result.SoftwareVersions, result.OperatorsName = brats_seg.__version__, ""
    result.SeriesNumber, result.InstanceNumber = 9002, 1
    result.SeriesDescription = f"brats-seg: {NOTICE}"
    result.StructureSetLabel, result.StructureSetDescription = "TUMOUR", NOTICE
    result.StructureSetDate, result.StructureSetTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    result.ApprovalStatus = "UNAPPROVED"
    result.FrameOfReferenceUID, result.PositionReferenceIndicator = first.FrameOfReferenceUID, ""
    result.ReferencedFrameOfReferenceSequence = [_frame_of(source)]
    return result


def _frame_of(source: SourceSeries) -> Any:
    """What refers to the series and its study."""
    first, item = source.headers[0], load("pydicom").Dataset
    series, study, frame = item(), item(), item()
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ContourImageSequence = [_reference(header) for header in source.headers]
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = (
        "1.2.840.10008.3.1.2.3.1",
        first.StudyInstanceUID,
    )
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = first.FrameOfReferenceUID, [study]
    return frame


def _reference(header: Any, frame: int | None = None) -> Any:
    """An item that names an image, or one frame of an enhanced one."""
    item = load("pydicom").Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    if frame is not None:
        item.ReferencedFrameNumber = frame
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
    for image, points in outlines:
        outline = item()
        outline.ContourImageSequence = [image]
        outline.ContourGeometricType, outline.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
        outline.ContourData = [f"{value:.4f}" for value in points.ravel()]
        contours.ContourSequence.append(outline)
    observation.ObservationNumber = observation.ReferencedROINumber = number
    observation.RTROIInterpretedType, observation.ROIInterpreter = "", ""
    sequences["roi"].append(roi)
    sequences["contours"].append(contours)
    sequences["observations"].append(observation)
