"""Findings that few cohorts have."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import case_from_files, inspect_case, scan
from brats_seg.cases.case import Finding
from brats_seg.cases.cohort import SHOWN, Scan
from brats_seg.cases.comparisons import _brighter
from brats_seg.cases.decathlon import _labels
from brats_seg.cases.folders import _raise
from brats_seg.cases.problems import label_problems
from brats_seg.errors import UserError


def found_in(case):
    return [finding.message for finding in inspect_case(case)]


def test_of_many_notes_a_few_are_told_and_the_others_counted():
    notes = [Finding(f"c{number}", Path("x"), "note", "odd") for number in range(SHOWN + 3)]
    *told, last = Scan((), tuple(notes)).left_out
    assert len(told) == SHOWN
    assert last == "and 3 more such notes: brats-seg check has them"


def test_nothing_is_as_bright_as_anything():
    none, some = np.zeros(0), np.arange(5.0)
    assert _brighter(none, some) == _brighter(some, none) == 1
    assert _brighter(some + 9, some) == 1
    assert _brighter(some - 9, some) == 0


def test_a_segmentation_alone_among_images_is_told(make):
    make.volume("a/flair.nii.gz")
    make.volume("b/truth.nii.gz")
    found = scan(make.root, patterns={"flair": "{id}/flair.nii.gz", "seg": "{id}/truth.nii.gz"})
    assert [case.id for case in found.cases] == ["a"]
    assert [finding.message for finding in found.findings if finding.case_id == "b"] == [
        "a segmentation alone is not a case"
    ]


def test_an_orientation_that_is_none(make):
    with pytest.raises(UserError, match="XYZ"):
        case_from_files({"t1": make.volume("t1.nii.gz")}, orientation="XYZ")


def test_a_folder_that_cannot_be_listed():
    with pytest.raises(UserError, match=r"^/secret: cannot be listed \(Permission denied\)$"):
        _raise(PermissionError(13, os.strerror(13), "/secret"))


def test_a_header_in_metres_says_so(make):
    case = make.good()
    image = nib.load(case.modalities["t2"].path)
    image.header.set_xyzt_units("meter")
    nib.save(image, case.modalities["t2"].path)
    (message,) = [line for line in found_in(case) if line.startswith("expected voxels of 1 mm")]
    assert "the header's unit is" in message


def test_a_header_that_tells_no_space_among_others_that_do(make):
    case = make.good()
    image = nib.load(case.modalities["flair"].path)
    plain = nib.Nifti1Image(np.asarray(image.dataobj), None, image.header)
    plain.set_sform(None, 0)
    plain.set_qform(None, 0)
    nib.save(plain, case.modalities["flair"].path)
    assert any(
        "none (sform and qform codes are 0), though the shape is the same" in line for line in found_in(case)
    )


def test_a_qform_that_agrees_is_named(make):
    case = make.good()
    path = case.modalities["flair"].path
    image = nib.load(path)
    image.set_qform(image.affine, 1)
    moved = image.affine.copy()
    moved[0, 3] += 7
    image.set_sform(moved, 1)
    nib.save(image, path)
    assert any("while its qform agrees; copy the qform to the sform" in line for line in found_in(case))


def test_a_truth_whose_label_values_nothing_tells(make):
    lines = found_in(replace(make.good(), labels=None))
    assert any("file names that do not imply any; set" in line for line in lines)


def test_an_image_without_labels_is_no_decathlon_truth():
    assert _labels(None) is None
    assert _labels(["background"]) is None


def test_two_images_of_other_shapes_are_no_copies(make, brain_of):
    image = brain_of(0)
    smaller = image[:-2]
    messages = found_in(make.good(t1ce=(smaller, nifti.lps_geometry(smaller.shape))))
    assert not any("an image of its own" in line for line in messages)
    assert any("the shape of" in line for line in messages)


def test_a_data_set_whose_label_values_are_others_says_so(make):
    case = replace(make.good(), id="BraTS-PED-00001-000", labels=None)
    (problem,) = label_problems(case, np.zeros((2, 2, 2), np.uint8))
    assert "data set: " in problem.found
