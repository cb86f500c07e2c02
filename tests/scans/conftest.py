"""A phantom as a scanner gives it: with skull, four grids, four orientations."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from brats_seg.phantom import make_case
from brats_seg.scans.packages import load
from brats_seg.scans.register import Registration

pytest.importorskip("SimpleITK")
BRAIN = (120, 144, 120)
MARGIN = 24
SCALP = {"t1": 1.1, "t1ce": 1.1, "t2": 0.7, "flair": 0.5}
BONE = 0.08
CODES = {"L": (-1, 0, 0), "R": (1, 0, 0), "P": (0, -1, 0), "A": (0, 1, 0), "I": (0, 0, -1), "S": (0, 0, 1)}
GRIDS = {
    #        orientation, spacing, voxels along the file's axes
    "t1": ("ASR", (1.0, 1.0, 1.2), (190, 168, 140)),
    "t1ce": ("LPS", (0.9, 0.9, 2.5), (190, 216, 68)),
    "t2": ("LAS", (0.8, 0.8, 4.0), (216, 240, 42)),
    "flair": ("LSA", (0.9, 0.9, 4.0), (190, 188, 48)),
}


@dataclass
class RawCase:
    """Files of one head, the truth about it on the grid of T1ce, and an atlas of its size."""

    files: dict[str, Path]
    brain: Path
    seg: Path
    atlas: Path


def affine(codes: str, spacing: tuple[float, ...], size: tuple[int, ...]) -> np.ndarray:
    """Of a file whose middle lies at the origin."""
    result = np.eye(4)
    for axis, (code, step) in enumerate(zip(codes, spacing, strict=True)):
        result[:3, axis] = np.array(CODES[code]) * step
    result[:3, 3] = -result[:3, :3] @ (np.array(size) - 1) / 2
    return result


def with_skull(image: np.ndarray, scalp: float) -> np.ndarray:
    """A stripped image ``(z, y, x)`` with margins, fluid, bone and scalp around the brain."""
    padded = np.pad(image, MARGIN).astype(np.float32)
    level = float(np.median(image[image > 0]))
    away = distance_transform_edt(padded == 0)
    padded[(away > 0) & (away <= 2)] = 0.3 * level
    padded[(away > 2) & (away <= 7)] = BONE * level
    padded[(away > 7) & (away <= 13)] = scalp * level
    nose = np.zeros(padded.shape, bool)
    z, _, x = padded.shape
    nose[z // 2 - 40 : z // 2 - 10, 4:MARGIN, x // 2 - 8 : x // 2 + 8] = True
    padded[nose & (padded == 0)] = scalp * level
    return padded


def sample(array: np.ndarray, onto: np.ndarray, size: tuple[int, ...], order: int = 1) -> np.ndarray:
    """An array ``(z, y, x)`` in LPS at 1 mm about the origin, read at a file's voxels."""
    source = affine("LPS", (1, 1, 1), array.shape[::-1])
    points = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij")).reshape(3, -1)
    to = np.linalg.inv(source) @ onto
    return map_coordinates(array.transpose(2, 1, 0), to[:3, :3] @ points + to[:3, 3:], order=order).reshape(
        size
    )


def save(path: Path, array: np.ndarray, place: np.ndarray) -> Path:
    image = nib.Nifti1Image(array, place)
    image.header.set_xyzt_units("mm", "sec")
    image.to_filename(path)
    return path


def place_by_moments(fixed, moving, kind="rigid", seed=0, mask=None) -> Registration:
    """Registration without its search, which has tests of its own: the sequences lie on one another, the
    brain has the atlas's shape."""
    itk = load("SimpleITK")
    transform = itk.Euler3DTransform()
    far = np.linalg.norm(np.subtract(fixed.GetOrigin(), moving.GetOrigin())) > 60
    if far:
        how = itk.CenteredTransformInitializerFilter.MOMENTS
        transform = itk.Euler3DTransform(itk.CenteredTransformInitializer(fixed, moving, transform, how))
    return Registration(transform, 0.4, 0.8)


@pytest.fixture(scope="session")
def head() -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Sequences with skull, brain and label map, ``(z, y, x)`` at 1 mm."""
    images, label_map = make_case(3, seed=0, shape=BRAIN)
    whole = {name: with_skull(image, SCALP[name]) for name, image in images.items()}
    return whole, np.pad(images["t1"] > 0, MARGIN), np.pad(label_map, MARGIN)


@pytest.fixture(scope="session")
def raw_case(head, tmp_path_factory) -> Callable[..., RawCase]:
    """``raw_case(moved=matrix)``: the four files; ``matrix`` (RAS, 4 x 4) moves T2."""
    whole, brain, label_map = head

    def make(moved: np.ndarray | None = None) -> RawCase:
        folder = tmp_path_factory.mktemp("raw")
        files = {}
        rng = np.random.default_rng(0)
        for name, (codes, spacing, size) in GRIDS.items():
            place = affine(codes, spacing, size)
            blurred = gaussian_filter(whole[name], 0.7)
            array = sample(blurred, place, size) + 0.02 * blurred.max() * np.abs(rng.standard_normal(size))
            put = moved @ place if moved is not None and name == "t2" else place
            files[name] = save(folder / f"p1_{name}.nii.gz", array.astype(np.int16), put)
        codes, spacing, size = GRIDS["t1ce"]
        place = affine(codes, spacing, size)
        mask = sample(brain.astype(np.float32), place, size) >= 0.5
        stripped = np.where(brain, whole["t1"], 0).transpose(2, 1, 0)[::-1, ::-1]
        seg = sample(label_map, place, size, order=0)
        return RawCase(
            files,
            save(folder / "mask.nii.gz", mask.astype(np.uint8), place),
            save(folder / "truth.nii.gz", seg.astype(np.uint8), place),
            save(
                folder / "atlas.nii.gz", stripped.astype(np.int16), affine("RAS", (1, 1, 1), stripped.shape)
            ),
        )

    return make


@pytest.fixture(scope="session")
def raw_scan() -> Path:
    """The folder of a real raw scan; a test that asks for it carries ``@pytest.mark.real``."""
    if "BRATS_SEG_RAW_SCAN" not in os.environ:
        pytest.skip("no real raw scan: set BRATS_SEG_RAW_SCAN to a folder of t1, t1ce, t2, flair.nii.gz")
    folder = Path(os.environ["BRATS_SEG_RAW_SCAN"])
    assert (folder / "t1ce.nii.gz").is_file(), f"BRATS_SEG_RAW_SCAN={folder} holds no t1ce.nii.gz"
    return folder


@pytest.fixture
def write_series() -> Callable[..., None]:
    """``write_series(folder, orientation=..., positions=..., rows=..., columns=...)``: classic MR, one
    file per slice."""
    pydicom = pytest.importorskip("pydicom")

    def write(folder: Path, *, orientation, positions, rows: int, columns: int) -> None:
        folder.mkdir(parents=True)
        for at, position in enumerate(positions):
            data = pydicom.Dataset()
            data.file_meta = pydicom.dataset.FileMetaDataset()
            data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
            data.SOPClassUID = pydicom.uid.MRImageStorage
            data.SOPInstanceUID = f"1.2.826.0.1.3680043.10.99.1.{at + 1}"
            data.StudyInstanceUID, data.SeriesInstanceUID = (
                "1.2.826.0.1.3680043.10.99",
                "1.2.826.0.1.3680043.10.99.1",
            )
            data.FrameOfReferenceUID = "1.2.826.0.1.3680043.10.99.2"
            data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = (
                "Phantom^",
                "p1",
                "",
                "O",
            )
            data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = "20200101", "120000", "1", ""
            data.Modality, data.Manufacturer, data.SeriesNumber, data.InstanceNumber = (
                "MR",
                "phantom",
                1,
                at + 1,
            )
            data.ReferringPhysicianName = data.PositionReferenceIndicator = ""
            data.ImageType, data.ScanningSequence = ["ORIGINAL", "PRIMARY", "M"], "SE"
            data.SequenceVariant, data.ScanOptions, data.MRAcquisitionType = "NONE", "", "2D"
            data.RepetitionTime, data.EchoTime, data.EchoTrainLength = 500, 10, 1
            data.ImageOrientationPatient, data.ImagePositionPatient = orientation, position
            data.SliceThickness, data.PixelSpacing, data.Rows, data.Columns = 5.5, [0.9, 0.8], rows, columns
            data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
            data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
            data.PixelData = np.full((rows, columns), at, np.uint16).tobytes()
            data.save_as(folder / f"{len(positions) - at:03}", enforce_file_format=True)

    return write
