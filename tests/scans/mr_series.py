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
        data.ImagePositionPatient = [*first[:2], first[2] + spacing_mm[0] * at]
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
