"""The check finds every defect, and nothing in what is sound."""

from __future__ import annotations

import os
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import case_from_files, find_cases, inspect_case, inspect_cohort, scan
from brats_seg.cli.commands.check import main
from brats_seg.terms import MODALITIES

LPS = nifti.lps_geometry((10, 12, 14))


def errors(case):
    return [finding for finding in inspect_case(case) if finding.level == "error"]


def test_a_sound_case_has_no_finding(make):
    assert inspect_case(make.good()) == []
    assert inspect_case(make.good(seg=None)) == []


def with_voxel(array, value, where=(5, 5, 5)):
    array = array.astype(np.float32) if isinstance(value, float) else array.copy()
    array[where] = value
    return array


def spaced(*sizes):
    return nifti.from_image(
        nib.Nifti1Image(np.zeros((14, 12, 10), np.uint8), np.diag([-1.0, -1, 1, 1]) @ np.diag([*sizes, 1]))
    ).geometry


DEFECTS = {
    "missing modality": (lambda b, s: {"t1ce": None}, None, "a file for t1ce"),
    "truncated gzip": (lambda b, s: {"t1ce": "cut"}, "t1ce", "complete gzip file"),
    "no gzip": (lambda b, s: {"t2": b"this is not a NIfTI file"}, "t2", "complete NIfTI file"),
    "wrong dimensions": (lambda b, s: {"t2": "flat"}, "t2", "3-D volume"),
    "other shape": (lambda b, s: {"flair": b[:, 1:]}, "flair", "shape of t1"),
    "other affine": (
        lambda b, s: {"flair": (b, nifti.lps_geometry(b.shape, (0, -239, 0.5)))},
        "flair",
        "affine of t1",
    ),
    "not a number": (lambda b, s: {"t1": with_voxel(b, np.nan)}, "t1", "1 NaN or infinite"),
    "infinite": (lambda b, s: {"t1": with_voxel(b, -np.inf)}, "t1", "1 NaN or infinite"),
    "empty": (lambda b, s: {"t2": b * 0}, "t2", "only zeros"),
    "constant": (lambda b, s: {"t2": np.full_like(b, 3)}, "t2", "contrast"),
    "a mask in place of an image": (lambda b, s: {"t2": (b > 0).astype(np.uint8)}, "t2", "contrast"),
    "not skull-stripped": (lambda b, s: {"t1": b + np.int16(1)}, "t1", "zero background"),
    "unknown label": (lambda b, s: {"seg": with_voxel(s, 3)}, "seg", "found 3"),
    "negative label": (lambda b, s: {"seg": with_voxel(s.astype(np.int16), -1)}, "seg", "found -1"),
    "fractional label": (lambda b, s: {"seg": with_voxel(s, 0.25)}, "seg", "found 0.25"),
    "label outside the brain": (
        lambda b, s: {"seg": with_voxel(s, 1, (0, 0, 0))},
        "seg",
        "1 labelled voxels where",
    ),
    "voxel size": (lambda b, s: {"flair": (b, spaced(1, 1, 1.2))}, "flair", "BraTS toolkit, CaPTk or ANTs"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_every_defect_is_found(make, brain_of, labels_of, name):
    change, file, words = DEFECTS[name]
    content = change(brain_of(0), labels_of())
    broken = {key: value for key, value in content.items() if isinstance(value, str)}
    case = make.good(**{key: value for key, value in content.items() if key not in broken})
    for key, how in broken.items():
        path = case.modalities[key].path
        if how == "cut":
            path.write_bytes(path.read_bytes()[:-9])
        else:
            nib.Nifti1Image(np.zeros((14, 12), np.int16), np.eye(4)).to_filename(path)
    found = errors(case)
    assert any(
        words in finding.message and (finding.file and finding.file.name) == (file and f"{file}.nii.gz")
        for finding in found
    ), found
    assert all("\n" not in finding.message for finding in found)
    # One defect, one error; a voxel size of its own is an affine of its own too.
    assert len(found) == (2 if name == "voxel size" else 1)


def test_a_head_with_its_skull_in_masked_air_is_noticed(make):
    head = np.zeros((150, 160, 170), np.int16)
    head[5:-5, 5:-5, 5:-5] = np.random.default_rng(0).integers(1, 99, (140, 150, 160))
    case = case_from_files(dict.fromkeys(MODALITIES, make.volume("head.nii", head[..., 0:])))
    assert any("3.4 litres" in finding.message for finding in inspect_case(case))


def test_every_problem_of_a_case_is_listed(make, brain_of, labels_of):
    case = make.good(
        t1=None,
        t1ce=b"",
        t2=with_voxel(brain_of(0), np.nan),
        flair=brain_of(0) * 0,
        seg=with_voxel(labels_of(), 9),
    )
    assert len(errors(case)) == 5


def test_another_orientation_is_one_note(make):
    case = make.good()
    for path in case.files:
        nib.as_closest_canonical(nib.load(path)).to_filename(path)
    (note,) = inspect_case(case)
    assert note.level == "note"
    assert "expected orientation LPS, found RAS; reoriented on reading, undone on output" in note.message


@pytest.mark.parametrize(("case_id", "found"), [("BraTS-GLI-02062-100", 0), ("BraTS-GLI-00062-000", 1)])
def test_a_resection_cavity_is_known_after_treatment_only(make, case_id, found):
    make.case(case_id, naming="2023", seg=(1, 2, 3, 4))
    (case,) = find_cases(make.root)
    lines = [error.message for error in errors(case)]
    assert len(lines) == found
    assert all("expected the label values (0, 1, 2, 3) of brats2023, found 4" in line for line in lines)
    assert all("brats2024 has 4, the resection cavity" in line for line in lines)


def test_many_cases_in_parallel_are_as_one_by_one(make, brain_of):
    for number in range(5):
        make.case(f"case_{number}", seg=(number + 1,))
    cases = scan(make.root).cases
    seen = []
    findings = inspect_cohort(cases, workers=3, progress=lambda case: seen.append(case.id))
    shared = [finding for finding in findings if "images of its own" in finding.message]
    assert [finding.case_id for finding in shared] == ["case_1", "case_2", "case_3", "case_4"]
    findings = [finding for finding in findings if finding not in shared]
    assert findings == [finding for case in cases for finding in inspect_case(case)]
    assert sorted(seen) == [case.id for case in cases]
    assert {finding.case_id for finding in findings} == {"case_2", "case_4"}  # labels 3 and 5


@pytest.fixture
def run(capsys):
    """The command: overrides to (exit code, lines of output, errors)."""

    def call(*overrides):
        code = 0
        try:
            main(list(overrides))
        except SystemExit as leave:
            code = leave.code
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err

    return call


def test_the_command(make, labels_of, run):
    make.case("HGG/case_1")
    make.volume("HGG/stray_seg.nii.gz", labels_of())
    code, lines, err = run(f"data.root={make.root}")
    assert code == 0, err
    assert lines[-1] == "1 case (1 labelled): 0 errors, 1 note"
    assert any("a segmentation alone is not a case" in line for line in lines)
    make.case("HGG/case_2", seg=(3,))
    make.volume("HGG/case_2/case_2_t1.nii")
    code, lines, _ = run(f"data.root={make.root}", "workers=1")
    assert code == 1
    assert lines[-1] == "2 cases (2 labelled): 2 errors, 2 notes"
    (row,) = [line for line in lines if "found 3" in line]
    assert "HGG/case_2/case_2_seg.nii.gz" in row
    code, lines, _ = run(f"data.root={make.root}/HGG/case_1", "data.labels=brats2023")
    assert code == 1
    assert any("of brats2023, found 4" in line for line in lines)


def test_the_command_takes_patterns(make, brain_of, run):
    for seed, name in enumerate(MODALITIES):
        make.volume(f"{name}/a.nii.gz", brain_of(seed))
    code, lines, err = run(
        f"data.root={make.root}", *(f'patterns.{name}="{name}/{{id}}.nii.gz"' for name in MODALITIES)
    )
    assert code == 0, err
    assert lines[-1] == "1 case (0 labelled): 0 errors, 0 notes"


def test_the_command_where_there_is_nothing(make, run):
    code, _, err = run(f"data.root={make.root}")
    assert code == 1
    assert "found none" in err


@pytest.mark.real
def test_real_cases_have_no_error(real_cases: Path):
    start = time.process_time()
    found = scan(real_cases)
    findings = [*found.findings, *inspect_cohort(found.cases, workers=os.cpu_count() or 1)]
    assert len(found.cases) == 17
    assert sum(case.segmentation is not None for case in found.cases) == 16
    assert {case.id: case.labels for case in found.cases if case.labels != "brats2020"} == {
        "BraTS-GLI-00027-000": "brats2023"
    }
    assert [finding for finding in findings if finding.level == "error"] == []
    assert [finding.case_id for finding in findings] == [
        "BraTS-GLI-00000-000"
    ]  # the segmentation without a case
    assert time.process_time() - start < 30  # of all threads together, so it holds beside other work
