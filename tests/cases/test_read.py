"""Reading: right values in the right channel, or one line that says case, file, expected and found."""

from __future__ import annotations

import gzip
import pickle
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import check_headers, read_case
from brats_seg.errors import CaseError, UserError
from brats_seg.terms import MODALITIES


def space(affine, shape=(10, 12, 14)):
    return nifti.from_image(nib.Nifti1Image(np.zeros(shape[::-1], np.uint8), affine)).geometry


LPS = nifti.lps_geometry((10, 12, 14))
MOVED = LPS.affine + np.array([[0, 0, 0, 1.0], [0] * 4, [0] * 4, [0] * 4])


def test_a_good_case(make, brain_of, labels_of):
    case = make.good()
    loaded = read_case(case)
    assert loaded.image.dtype == np.float32
    assert loaded.image.shape == (4, 10, 12, 14)
    for channel in range(4):
        np.testing.assert_array_equal(loaded.image[channel], brain_of(channel))
    np.testing.assert_array_equal(loaded.label_map, labels_of())
    assert loaded.label_map.dtype == np.uint8
    assert loaded.label_map.flags.writeable
    assert loaded.missing == ()
    np.testing.assert_array_equal(loaded.geometry.affine, LPS.affine)
    check_headers([case])
    without = read_case(case, with_segmentation=False)
    assert without.label_map is None
    np.testing.assert_array_equal(without.image, loaded.image)


def test_files_of_one_space_in_several_orders_are_aligned(make, brain_of):
    turned = nib.Nifti1Image(brain_of(1).transpose(2, 1, 0), LPS.affine)
    turned = turned.as_reoriented(
        nib.orientations.ornt_transform(
            nib.orientations.axcodes2ornt("LPS"), nib.orientations.axcodes2ornt("SAR")
        )
    )
    case = make.good()
    turned.to_filename(case.modalities["t1ce"].path)
    assert nifti.read_geometry(case.modalities["t1ce"].path).orientation == "SAR"
    np.testing.assert_array_equal(read_case(case).image[1], brain_of(1))
    check_headers([case])


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float32])
def test_labels_of_any_type_become_uint8(make, labels_of, dtype):
    loaded = read_case(make.good(seg=labels_of().astype(dtype)))
    np.testing.assert_array_equal(loaded.label_map, labels_of())
    assert loaded.label_map.dtype == np.uint8


def nan(array):
    array = array.astype(np.float32)
    array[5, 5, 5] = np.nan
    return array


HEADER = {
    "missing": ({"t2": None}, "expected a file for t2, found only t1, t1ce, flair"),
    "shape": (
        lambda b: {"t2": b[:-1]},
        r"t2\.nii\.gz: expected the shape of t1\.nii\.gz, \(10, 12, 14\).*\(9, 12, 14\)",
    ),
    "affine": (
        lambda b: {"t2": (b, space(MOVED))},
        r"t2\.nii\.gz: expected the affine of t1\.nii\.gz, found one .* 1 mm away",
    ),
    "spacing": (
        lambda b: {"t1": (b, space(LPS.affine @ np.diag([1, 1, 2, 1])))},
        r"t1\.nii\.gz: expected voxels of 1 mm, found 2 x 1 x 1 mm .*BraTS toolkit, CaPTk or ANTs",
    ),
    "of the segmentation": (
        lambda b: {"seg": ((b > 500).astype(np.uint8), space(MOVED))},
        r"seg\.nii\.gz: expected the affine",
    ),
}
VOXELS = {
    "nan": (
        lambda b: {"flair": nan(b)},
        r"flair\.nii\.gz: expected finite voxels in flair, found 1 NaN or infinite",
    ),
    "empty": (lambda b: {"t1": b * 0}, r"t1\.nii\.gz: expected a brain in t1, found only zeros"),
    "constant": (lambda b: {"t1": np.full_like(b, 7)}, "expected contrast in t1, found the one value 7"),
    "skull": (
        lambda b: {"t1": b + 20},
        "expected zero background around the brain in t1, found the value 20 there",
    ),
    "label": (
        lambda b: {"seg": np.where(b > 700, 3, 0).astype(np.uint8)},
        r"expected the label values \(0, 1, 2, 4\).*brats2020, found 3",
    ),
    "fraction": (lambda b: {"seg": np.where(b > 700, 0.5, 0).astype(np.float32)}, "found 0.5"),
    "truncated": (
        lambda b: {"t1ce": gzip.compress(b.tobytes())[:-20]},
        r"t1ce\.nii\.gz: expected a NIfTI file",
    ),
    "no gzip": (lambda b: {"t1ce": b.tobytes()}, r"t1ce\.nii\.gz: expected a NIfTI file"),
    "not there": (lambda b: {"t1ce": b.tobytes()[:0]}, r"t1ce\.nii\.gz: expected a complete"),
}


@pytest.mark.parametrize("name", [*HEADER, *VOXELS])
def test_what_cannot_be_used_is_one_line(make, brain_of, name):
    change, match = (HEADER | VOXELS)[name]
    case = make.good(**(change(brain_of(0)) if callable(change) else change))
    with pytest.raises(CaseError, match=match) as error:
        read_case(case)
    assert str(error.value).startswith("case good: ")
    assert "\n" not in str(error.value)
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


@pytest.mark.parametrize("name", HEADER)
def test_the_cheap_check_knows_by_the_headers(make, brain_of, name):
    change, match = HEADER[name]
    case = make.good(**(change(brain_of(0)) if callable(change) else change))
    with pytest.raises(UserError, match=match):
        check_headers([case])


def test_the_cheap_check_names_every_case(make):
    case = make.good(t2=None, flair=None)
    with pytest.raises(UserError) as error:
        check_headers([case, replace(case, id="other")])
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == ["case good", "case other"]


def test_a_segmentation_that_is_not_asked_for_is_not_read(make):
    case = make.good(seg=b"broken")
    check_headers([case], with_segmentation=False)
    assert read_case(case, with_segmentation=False).label_map is None
    with pytest.raises(CaseError, match="seg"):
        read_case(case)


@pytest.mark.parametrize("absent", [None, "zeros"])
def test_missing_modalities_as_zeros(make, brain_of, absent):
    case = make.good(t1=absent and brain_of(0) * 0, t2=None)
    loaded = read_case(case, on_missing_modality="zero")
    assert loaded.missing == ("t1", "t2")
    assert not loaded.image[[0, 2]].any()
    np.testing.assert_array_equal(loaded.image[3], brain_of(3))
    check_headers([case], on_missing_modality="zero")


def test_no_brain_at_all(make, brain_of):
    nothing = make.good(**{name: brain_of(0) * 0 for name in MODALITIES})
    with pytest.raises(CaseError, match="expected a brain, found only zeros in every modality"):
        read_case(nothing, on_missing_modality="zero")
    with pytest.raises(CaseError, match="expected a file for t1, t1ce, t2, flair, found none"):
        read_case(replace(nothing, modalities={}), on_missing_modality="zero")


def test_a_file_of_four_channels_is_not_one_modality(make, brain_of):
    case = make.good()
    stack = np.stack([brain_of(i).transpose(2, 1, 0) for i in range(4)], axis=-1)
    nib.Nifti1Image(stack, LPS.affine).to_filename(case.modalities["t1"].path)
    with pytest.raises(CaseError, match="expected one 3-D volume, found 4 volumes in a 4-D file"):
        read_case(case)
