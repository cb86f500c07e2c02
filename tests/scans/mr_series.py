"""A DICOM export in miniature, written by code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.path
import numpy as np

from brats_seg import nifti

KINDS: dict[str, dict[str, Any]] = {
    "t1": {"RepetitionTime": 500, "EchoTime": 10, "SeriesDescription": "AX T1"},
    "t1ce": {
        "RepetitionTime": 500,
        "EchoTime": 10,
        "SeriesDescription": "AX T1",
        "ContrastBolusAgent": "Gadovist",
    },
    "t2": {"RepetitionTime": 4000, "EchoTime": 100, "SeriesDescription": "AX T2"},
    "flair": {
        "RepetitionTime": 9000,
        "EchoTime": 120,
        "InversionTime": 2500,
        "SeriesDescription": "AX DARK FLUID",
        "ScanningSequence": ["SE", "IR"],
    },
}


AXIAL = (1, 0, 0, 0, 1, 0)
ODD: dict[str, Any] = {"tilt": 0.0, "turned": (), "gaps": False}
"""What is wrong with the places of a series' slices."""


def write_series(
    folder: Path,
    number: int,
    study: str = "1.2.3",
    slices: int = 12,
    pixels: np.ndarray | None = None,
    spacing_mm: tuple[float, float, float] = (5.5, 0.9, 0.9),
    **attributes: Any,
) -> str:
    """A classic MR series, one file per slice, of these pixels ``(z, y, x)`` or of a ramp; its UID."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

    folder.mkdir(parents=True, exist_ok=True)
    uid = f"{study}.{number}"
    skip = attributes.pop("skip", ())
    first = attributes.pop("first", (-10.0, -20.0, 0.0))
    cosines = np.array(attributes.pop("orientation", AXIAL), float)
    normal = np.cross(cosines[:3], cosines[3:])
    tilt, turned, gaps = (attributes.pop(name, default) for name, default in ODD.items())
    for at in range(slices):
        if at in skip:
            continue
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.SOPClassUID = MRImageStorage
        data.SOPInstanceUID = f"{uid}.{at + 1}"
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, uid, f"{study}.99"
        data.Modality, data.Manufacturer = "MR", "phantom"
        data.PatientName, data.PatientID, data.StudyDate = "Doe^Jane", "4711/../x", "20200101"
        data.PatientBirthDate = data.PatientSex = data.StudyTime = data.AccessionNumber = data.StudyID = ""
        data.SeriesNumber, data.InstanceNumber = number, at + 1
        data.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        data.ScanningSequence, data.SequenceVariant, data.MRAcquisitionType = "SE", "NONE", "2D"
        data.ImageOrientationPatient = decimals(cosines)
        if at in turned:
            data.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        height = spacing_mm[0] * (at + (0.5 * (at % 2) if gaps else 0))
        data.ImagePositionPatient = decimals(np.add(first, height * np.add(normal, (0, tilt, 0))))
        data.SliceThickness, data.PixelSpacing = decimals(spacing_mm)[0], decimals(spacing_mm[1:])
        data.Rows, data.Columns = 24, 20
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.PixelData = (np.arange(480, dtype=np.uint16).reshape(24, 20) + 100 * at + number).tobytes()
        if pixels is not None:
            data.Rows, data.Columns = pixels.shape[1:]
            data.PixelData = pixels[at].astype(np.uint16).tobytes()
        for key, value in attributes.items():
            setattr(data, key, value)
        data.save_as(folder / f"{number}_{at}", enforce_file_format=True)
    return uid


def write_enhanced(
    folder: Path,
    number: int,
    study: str = "1.2.3",
    slices: int = 12,
    pixels: np.ndarray | None = None,
    spacing_mm: tuple[float, float, float] = (5.5, 0.9, 0.9),
    **attributes: Any,
) -> str:
    """As :func:`write_series`, a T2 unless the attributes say otherwise, as one enhanced multi-frame file."""
    from pydicom import dcmread
    from pydicom.uid import EnhancedMRImageStorage

    first = np.array(attributes.pop("first", (-10.0, -20.0, 0.0)), float)
    cosines = np.array(attributes.pop("orientation", AXIAL), float)
    step = spacing_mm[0] * np.cross(cosines[:3], cosines[3:])
    if pixels is None:
        pixels = np.arange(480, dtype=np.uint16).reshape(1, 24, 20) + 100 * np.arange(slices)[:, None, None]
    uid = write_series(folder, number, study, slices=1, pixels=pixels, **attributes or KINDS["t2"])
    (path,) = folder.iterdir()
    data = dcmread(path)
    frames = [
        item(
            FrameContentSequence=[
                item(StackID="1", InStackPositionNumber=at + 1, DimensionIndexValues=[at + 1])
            ],
            PlanePositionSequence=[item(ImagePositionPatient=decimals(first + at * step))],
        )
        for at in range(slices)
    ]
    measures = item(
        PixelSpacing=decimals(spacing_mm[1:]),
        SliceThickness=spacing_mm[0],
        SpacingBetweenSlices=spacing_mm[0],
    )
    shared = item(
        PixelMeasuresSequence=[measures],
        PlaneOrientationSequence=[item(ImageOrientationPatient=decimals(cosines))],
        MRTimingAndRelatedParametersSequence=[item(RepetitionTime=float(data.RepetitionTime))],
        MREchoSequence=[item(EffectiveEchoTime=float(data.EchoTime))],
    )
    if "InversionTime" in data:
        shared.MRModifierSequence = [item(InversionRecovery="YES", InversionTimes=float(data.InversionTime))]
    if "ContrastBolusAgent" in data:
        data.ContrastBolusAgentSequence = [item(CodeValue="C-B03B5", CodingSchemeDesignator="SRT")]
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness"):
        delattr(data, keyword)
    for keyword in ("RepetitionTime", "EchoTime", "ScanningSequence", "InversionTime", "ContrastBolusAgent"):
        if keyword in data:
            delattr(data, keyword)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    data.NumberOfFrames, data.EchoPulseSequence = slices, "SPIN"
    data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence = [shared], frames
    data.PixelData = pixels.astype(np.uint16).tobytes()
    data.save_as(path, enforce_file_format=True)
    return uid


def item(**values: Any) -> Any:
    """An item of a sequence."""
    from pydicom.dataset import Dataset

    found = Dataset()
    for key, value in values.items():
        setattr(found, key, value)
    return found


def decimals(values: Any) -> list[float]:
    """As a decimal string of 16 characters holds them."""
    return [round(float(value), 9) for value in values]


def write_volume(
    folder: Path, number: int, volume: nifti.Volume, *, enhanced: bool = False, **more: Any
) -> str:
    """A volume as a series of its slices along the file's last axis; its UID."""
    geometry = volume.geometry
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine
    stack = np.asarray(nifti.to_image(volume.array, geometry).dataobj).transpose(2, 1, 0)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    columns, rows, normal = (affine[:3, axis] / sizes[axis] for axis in range(3))
    first = affine[:3, 3]
    if np.cross(columns, rows) @ normal < 0:  # slices from the other end
        stack, first = stack[::-1], first + affine[:3, 2] * (len(stack) - 1)
    write = write_enhanced if enhanced else write_series
    return write(
        folder,
        number,
        slices=len(stack),
        pixels=np.clip(stack, 0, 4095),
        spacing_mm=(sizes[2], sizes[1], sizes[0]),
        first=first,
        orientation=(*columns, *rows),
        **more,
    )


def rasterised(path, opened):
    """ET, TC, WT ``(slice, row, column)`` of an RTSTRUCT on the grid of its series."""
    from pydicom import dcmread

    data = dcmread(path)
    assert [roi.ROIName for roi in data.StructureSetROISequence] == ["ET", "TC", "WT"]
    to_index = np.linalg.inv(np.diag([-1.0, -1, 1, 1]) @ opened.geometry.affine)
    shape = (len(opened.order), int(opened.headers[0].Rows), int(opened.headers[0].Columns))
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    pixels = np.c_[columns.ravel(), rows.ravel()]
    regions = []
    for item in data.ROIContourSequence:
        drawn = np.zeros(shape, bool)
        for contour in item.ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            index = np.c_[points, np.ones(len(points))] @ to_index.T
            at = round(float(index[0, 2]))
            assert np.abs(index[:, 2] - at).max() < 0.01
            (image,) = contour.ContourImageSequence
            header, frame = opened.image_of(at)
            assert image.ReferencedSOPInstanceUID == header.SOPInstanceUID
            assert image.get("ReferencedFrameNumber") == frame
            drawn[at] ^= matplotlib.path.Path(index[:, :2]).contains_points(pixels).reshape(shape[1:])
        regions.append(drawn)
    return regions
