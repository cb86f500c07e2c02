"""Sequences with each other, a truth with its images, cases with each other."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from brats_seg.cases import find_cases, inspect_case, inspect_cohort, read_case, same_images
from brats_seg.cases.duplicates import PATTERN, fingerprint, pattern
from brats_seg.errors import CaseError
from brats_seg.phantom import make_case


def found_in(case):
    """What reading and checking say of a case; they say the same."""
    notes = read_case(case).notes
    findings = inspect_case(case)
    assert len(notes) == len(findings)
    assert {finding.level for finding in findings} <= {"note"}
    return [finding.message for finding in findings]


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.int32])
def test_two_sequences_that_are_one_image(make, brain_of, dtype):
    (message,) = found_in(make.good(t1ce=brain_of(0).astype(dtype)))
    assert message == "expected an image of its own for t1ce, found that of t1"


@pytest.mark.parametrize(
    "change", [lambda x: x * 3, lambda x: (x / 7).astype(np.float32), lambda x: x + x // 999]
)
def test_a_copy_in_other_units_is_the_same_image(make, brain_of, change):
    (message,) = found_in(make.good(flair=change(brain_of(1))))
    assert message == "expected an image of its own for flair, found that of t1ce"


def test_a_skull_in_one_sequence_only(make, brain_of):
    head = brain_of(0).copy()
    head[head == 0] = 50
    head[:, 0] = head[0] = head[:, :, 0] = 0
    (message,) = found_in(make.good(flair=head))
    assert "expected the same part of the head in flair as in the others, found 2.68 times" in message
    assert "strip it" in message


def bright(brain: np.ndarray, tumour: np.ndarray) -> np.ndarray:
    return np.where(tumour, brain + 1000, brain).astype(np.int16)


def test_a_truth_of_another_patient_inside_the_brain(make, brain_of):
    tumour = np.zeros(brain_of(0).shape, bool)
    tumour[4:7, 3:9, 4:10] = True
    own = tumour & (brain_of(0) > 0)
    images = {"t2": bright(brain_of(2), own), "flair": bright(brain_of(3), own)}
    assert found_in(make.good(**images, seg=own.astype(np.uint8))) == []
    other = np.roll(own, (2, 2, 2), (0, 1, 2)) & ~own & (brain_of(0) > 0)
    (message,) = found_in(make.good(t2=brain_of(2), flair=brain_of(3), seg=other.astype(np.uint8) * 0 + own))
    assert "is it that of another patient?" in message


def test_many_labels_outside_the_brain_are_an_error_for_both(make, labels_of):
    seg = labels_of()
    seg[0, 0, :3] = 1
    case = make.good(seg=seg)
    with pytest.raises(CaseError, match="is it the truth of another patient"):
        read_case(case)
    (finding,) = inspect_case(case)
    assert finding.level == "error"


def test_the_same_images_under_two_ids(make, tmp_path):
    make.case("BraTS20_Training_001")
    first = make.root / "BraTS20_Training_001"
    second = make.root / "BraTS2021_00000"
    second.mkdir()
    for path in first.iterdir():  # another type, padding, orientation and compression
        image = nib.load(path)
        data = np.pad(np.asarray(image.dataobj), 2).astype(np.float32)
        kind = "seg" if "seg" in path.name else path.name.rpartition("_")[2].partition(".")[0]
        other = nib.as_closest_canonical(nib.Nifti1Image(data, image.affine))
        other.to_filename(second / f"BraTS2021_00000_{kind}.nii")
    findings = inspect_cohort(find_cases(make.root), workers=1)
    (shared,) = [finding for finding in findings if "images of its own" in finding.message]
    assert shared.case_id == "BraTS20_Training_001" or shared.case_id == "BraTS2021_00000"
    assert "t1, t1ce, t2, flair, seg" in shared.message


def test_the_same_image_in_other_units_under_two_ids():
    heads = [make_case(number, seed=0, shape=(32, 40, 32))[0]["t1"] for number in range(1, 5)]
    heads += [np.rint(heads[2] * 0.1).astype(np.int16), heads[1].astype(np.float32) * 3.7]
    heads.append(np.pad(heads[0], 3))
    found = {str(at): {f"t1{PATTERN}": pattern(head, head != 0)} for at, head in enumerate(heads)}
    assert same_images(found) == {"4": {"2": ["t1"]}, "5": {"1": ["t1"]}, "6": {"0": ["t1"]}}
    assert pattern(np.ones((3, 3, 3)), np.ones((3, 3, 3), bool)) == ""
    assert same_images({"a": {f"t1{PATTERN}": "no number"}, "b": {f"t1{PATTERN}": "no number"}}) == {}


def test_empty_truths_are_not_shared():
    assert fingerprint(np.zeros((2, 2, 2)), np.zeros((2, 2, 2), bool)) == ""
    assert same_images({"a": {"seg": ""}, "b": {"seg": ""}}) == {}
    assert same_images({"a": {"t1": "x"}, "b": {"t2": "x"}}) == {"b": {"a": ["t2"]}}
