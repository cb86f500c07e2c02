"""DICOM SEG and RTSTRUCT, written and read back."""

from __future__ import annotations

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.errors import UserError
from brats_seg.labels import LABEL_VALUES, encode_regions
from brats_seg.scans.dicom import write_dicom
from brats_seg.scans.packages import load
from brats_seg.scans.quality import dice
from brats_seg.scans.series import find_series
from brats_seg.scans.source_series import open_series
from tests.scans.mr_series import rasterised

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")
LABELS = LABEL_VALUES["brats2020"]
ROWS, COLUMNS, SLICES = 96, 80, 14
PLANES = {"axial": [1, 0, 0, 0, 1, 0], "coronal": [1, 0, 0, 0, 0, -1], "oblique": [1, 0, 0, 0, 0.8, 0.6]}


@pytest.fixture(params=PLANES)
def series(request, tmp_path, write_series):
    orientation = PLANES[request.param]
    normal = np.cross(orientation[:3], orientation[3:])
    write_series(
        tmp_path / "dicom",
        orientation=orientation,
        positions=[(np.array([-30.0, -40, 50]) + 5.5 * at * normal).tolist() for at in range(SLICES)],
        rows=ROWS,
        columns=COLUMNS,
    )
    return tmp_path / "dicom"


@pytest.fixture
def label_map(series, tmp_path):
    """Nested blobs on the series' grid, saved as the file whose path is given."""
    (found,), _ = find_series(sorted(series.iterdir()))
    geometry = open_series(found).geometry
    z, y, x = np.indices(geometry.shape)
    centre = (np.array(geometry.shape) - 1) / 2
    radius = np.sqrt(sum(((i - c) / (0.8 * c)) ** 2 for i, c in zip((z, y, x), centre, strict=True)))
    array = np.select([radius < 0.3, radius < 0.5, radius < 0.8], [1, 4, 2], 0).astype(np.uint8)
    nifti.write(tmp_path / "p1.nii.gz", array, geometry)
    return tmp_path / "p1.nii.gz"


def in_frames(file, series):
    (found,), _ = find_series(sorted(series.iterdir()))
    opened = open_series(found)
    return opened.frames(nifti.read(file)), opened


def test_segmentation_read_back(series, label_map, tmp_path):
    path, _ = write_dicom(label_map, LABELS, series, tmp_path / "out")
    expected, opened = in_frames(label_map, series)
    seg = highdicom.seg.segread(path)
    assert [seg.get_segment_description(number).segment_label for number in seg.segment_numbers] == [
        "Necrotic and non-enhancing tumour core",
        "Peritumoural oedema",
        "Enhancing tumour",
    ]
    uids = [header.SOPInstanceUID for header in opened.headers]
    read = seg.get_pixels_by_source_instance(uids, combine_segments=False)
    for channel, value in enumerate((1, 2, 4)):
        assert dice(read[..., channel] > 0, expected == value) == 1.0
    assert seg.SeriesDescription.endswith("not a medical device")
    assert seg.PatientID == opened.headers[0].PatientID


def test_segmentation_lies_on_the_series(series, label_map, tmp_path):
    """By positions alone, as SimpleITK sees them: the middle of each slice's oedema."""
    path, _ = write_dicom(label_map, LABELS, series, tmp_path / "out")
    seg = pydicom.dcmread(path)
    frames = seg.pixel_array
    volume = nifti.read(label_map)
    grid = volume.geometry.lps_affine
    where = set()
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        if groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber != 2 or not frame.any():
            continue
        origin = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        shared = seg.SharedFunctionalGroupsSequence[0]
        cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
        step = [float(each) for each in shared.PixelMeasuresSequence[0].PixelSpacing]
        rows, columns = np.nonzero(frame)
        points = origin + np.outer(columns * step[1], cosines[:3]) + np.outer(rows * step[0], cosines[3:])
        points[:, :2] *= -1
        index = np.c_[points, np.ones(len(points))] @ np.linalg.inv(grid).T
        where |= {tuple(each) for each in np.rint(index[:, :3]).astype(int)}
    assert where == {tuple(each[::-1]) for each in np.argwhere(volume.array == 2)}


def test_structures_rasterised(series, label_map, tmp_path):
    _, path = write_dicom(label_map, LABELS, series, tmp_path / "out")
    expected, opened = in_frames(label_map, series)
    regions = encode_regions(expected, LABELS)
    scores = [dice(drawn, region) for drawn, region in zip(rasterised(path, opened), regions, strict=True)]
    print("Dice of ET, TC, WT:", scores)
    assert min(scores) >= 0.97


def test_a_label_map_elsewhere_is_refused(series, tmp_path):
    nifti.write(
        tmp_path / "other.nii.gz",
        np.ones((155, 240, 240), np.uint8),
        nifti.lps_geometry((155, 240, 240)),
    )
    with pytest.raises(UserError, match="native/"):
        write_dicom(tmp_path / "other.nii.gz", LABELS, series, tmp_path / "out")
    assert load("highdicom")
