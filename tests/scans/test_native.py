"""Label maps there and back."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.errors import UserError
from brats_seg.labels import LABEL_VALUES, encode_regions
from brats_seg.scans import AlignedFolder
from brats_seg.scans.native import resample_labels, signed_distance_mm, to_native, write_native
from brats_seg.scans.packages import load
from brats_seg.scans.quality import dice

LABELS = LABEL_VALUES["brats2020"]
SCANS = Path(__file__).parents[2] / "docs" / "scans.md"


def thick(head):
    """The phantom's truth at 0.9 x 0.9 x 5.5 mm, as a scanner's slices show it."""
    label_map = head[2]
    affine = np.diag([-0.9, -0.9, 5.5, 1.0])
    affine[:3, 3] = (80.0, 95.0, -75.0)
    image = nib.Nifti1Image(np.zeros((178, 212, 28), np.uint8), affine)
    image.header.set_xyzt_units("mm", "sec")
    geometry = nifti.from_image(image).geometry
    z, y, x = ((n - 1) / 2 for n in label_map.shape)
    source = nifti.Volume(label_map, nifti.lps_geometry(label_map.shape, (-x, -y, -z)))
    identity = load("SimpleITK").Transform(3, load("SimpleITK").sitkIdentity)
    return nifti.Volume(resample_labels(source, geometry, identity, LABELS), geometry)


@pytest.mark.slow
def test_there_and_back_at_thick_slices(head):
    itk = load("SimpleITK")
    native = thick(head)
    to_target = itk.Euler3DTransform((0, 0, 0), 0.15, -0.1, 0.2, (4.0, -7.0, 3.0))
    grid = nifti.lps_geometry((155, 240, 240), (-119.5, -119.5, -77.0))
    there = nifti.Volume(resample_labels(native, grid, to_target, LABELS), grid)
    back = resample_labels(there, native.geometry, to_target.GetInverse(), LABELS)
    scores = [
        dice(one, two)
        for one, two in zip(encode_regions(back, LABELS), encode_regions(native.array, LABELS), strict=True)
    ]
    assert min(scores) >= 0.95
    et, tc, wt = scores
    told = f"Dice is {et:.3f} (ET), {tc:.3f} (TC) and {wt:.3f} (WT) on the phantom"
    assert told in SCANS.read_text(encoding="utf-8"), told


@pytest.mark.slow
def test_the_identity_changes_nothing(head):
    itk = load("SimpleITK")
    native = thick(head)
    same = resample_labels(native, native.geometry, itk.Transform(3, itk.sitkIdentity), LABELS)
    assert (same == native.array).all()


def test_signed_distances():
    region = np.zeros((5, 5, 9), bool)
    region[1:4, 1:4, 1:8] = True
    distance = signed_distance_mm(region, (2.0, 1.0, 1.0))
    assert (distance > 0).sum() == region.sum()
    assert distance[2, 2, 4] == 2.0
    assert distance[0, 2, 4] == -2.0
    assert (signed_distance_mm(np.zeros((3, 3, 3), bool), (1, 1, 1)) == -10).all()


def made_alignment(folder: AlignedFolder, native: nifti.Volume) -> nifti.Geometry:
    """What `align` leaves, as far as the way back needs it."""
    itk = load("SimpleITK")
    grid = nifti.lps_geometry((155, 240, 240), (-119.5, -119.5, -77.0))
    nifti.write(folder.native_brain, (native.array * 0).astype(np.uint8), native.geometry)
    nifti.write(folder.brain, np.zeros(grid.shape, np.uint8), grid)
    folder.write_transform("atlas_to_t1ce", itk.Euler3DTransform((0, 0, 0), 0.1, 0, 0, (0, 5, 0)))
    folder.record.write_text('{"warnings": []}')
    return grid


@pytest.mark.slow
def test_a_prediction_folder_gets_native_maps(head, tmp_path):
    native = thick(head)
    folder = AlignedFolder(tmp_path / "aligned" / "p1")
    grid = made_alignment(folder, native)
    there = resample_labels(native, grid, folder.read_transform("atlas_to_t1ce"), LABELS)
    nifti.write(tmp_path / "predictions" / "p1.nii.gz", there, grid)
    label_map, file = (
        tmp_path / "predictions" / "p1.nii.gz",
        tmp_path / "predictions" / "native" / "p1.nii.gz",
    )
    write_native(label_map, file, folder, LABELS)
    written = nifti.read(file)
    assert nifti.same_space(written.geometry, native.geometry)
    assert dice(written.array > 0, native.array > 0) > 0.95
    before = file.stat().st_mtime_ns
    write_native(label_map, file, folder, LABELS)
    assert file.stat().st_mtime_ns == before
    nifti.write(label_map, np.zeros_like(there), grid)
    write_native(label_map, file, folder, LABELS)
    assert not nifti.read(file).array.any()
    nifti.write(file, native.array, native.geometry)  # somebody's correction
    with pytest.raises(UserError, match="has not written it"):
        write_native(label_map, file, folder, LABELS)
    assert nifti.read(file).array.any()
    write_native(label_map, file, folder, LABELS, overwrite=True)
    assert not nifti.read(file).array.any()


@pytest.mark.slow
def test_a_label_map_of_another_place_is_refused(head, tmp_path):
    native = thick(head)
    folder = AlignedFolder(tmp_path / "p1")
    made_alignment(folder, native)
    with pytest.raises(UserError, match="does not lie in the space"):
        to_native(native, folder, LABELS)
