"""A DICOM export in miniature, written by code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

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
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        if at in turned:
            data.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        height = spacing_mm[0] * (at + (0.5 * (at % 2) if gaps else 0))
        data.ImagePositionPatient = [first[0], first[1] + tilt * height, first[2] + height]
        data.SliceThickness, data.PixelSpacing = spacing_mm[0], list(spacing_mm[1:])
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


def write_enhanced(folder: Path, number: int, study: str = "1.2.3", slices: int = 12) -> str:
    """A T2 as one enhanced multi-frame file; its UID."""
    from pydicom import dcmread
    from pydicom.dataset import Dataset
    from pydicom.uid import EnhancedMRImageStorage

    def item(**values: Any) -> Dataset:
        found = Dataset()
        for key, value in values.items():
            setattr(found, key, value)
        return found

    frames = [
        item(
            FrameContentSequence=[
                item(StackID="1", InStackPositionNumber=at + 1, DimensionIndexValues=[at + 1])
            ],
            PlanePositionSequence=[item(ImagePositionPatient=[-10.0, -20.0, 5.5 * at])],
        )
        for at in range(slices)
    ]
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[0.9, 0.9], SliceThickness=5.5, SpacingBetweenSlices=5.5)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        MRTimingAndRelatedParametersSequence=[item(RepetitionTime=4000.0)],
        MREchoSequence=[item(EffectiveEchoTime=100.0)],
    )
    planes = np.arange(480, dtype=np.uint16).reshape(1, 24, 20) + 100 * np.arange(slices)[:, None, None]
    uid = write_series(folder, number, study, slices=1, **KINDS["t2"])
    (path,) = folder.iterdir()
    data = dcmread(path)
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness"):
        delattr(data, keyword)
    for keyword in ("RepetitionTime", "EchoTime", "ScanningSequence"):
        delattr(data, keyword)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    data.NumberOfFrames, data.EchoPulseSequence = slices, "SPIN"
    data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence = [shared], frames
    data.PixelData = planes.astype(np.uint16).tobytes()
    data.save_as(path, enforce_file_format=True)
    return uid
