"""Cases are found under every layout people have, and nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import case_from_files, clear_cases, find_cases, inspect_case, read_case, scan
from brats_seg.errors import CaseError, UserError
from brats_seg.terms import MODALITIES


def only(root: Path, **options):
    (case,) = find_cases(root, **options)
    return case


@pytest.mark.parametrize(
    ("folder", "naming", "suffix", "labels"),
    [
        ("HGG/Brats18_2013_2_1", "2020", ".nii.gz", "brats2020"),
        ("MICCAI_BraTS_2019_Data_Training/LGG/BraTS19_TCIA10_103_1", "2020", ".nii.gz", "brats2020"),
        ("MICCAI_BraTS2020_TrainingData/BraTS20_Training_001", "2020", ".nii.gz", "brats2020"),
        ("kaggle/BraTS20_Training_001", "2020", ".nii", "brats2020"),
        ("BraTS2021_00000", "2020", ".nii.gz", "brats2020"),
        ("train/BraTS-GLI-00000-000", "2023", ".nii.gz", "brats2023"),
        ("train/BraTS-GLI-02062-100", "2023", ".nii", "brats2024"),
        ("train/BraTS-PED-00001-000", "2023", ".nii.gz", None),
        ("train/BraTS-SSA-00002-000", "2023", ".nii.gz", "brats2023"),
        ("train/BraTS-MEN-00004-000", "2023", ".nii.gz", "brats2023"),
        ("train/BraTS-MEN-RT-0001-1", "2023", ".nii.gz", None),
        ("train/BraTS-MET-00001-000", "2023", ".nii.gz", "brats2024"),
    ],
)
@pytest.mark.parametrize("seg", [(1,), None], ids=["labelled", "not labelled"])
def test_every_edition(make, folder, naming, suffix, labels, seg):
    make.case(folder, naming=naming, suffix=suffix, seg=seg)
    case = only(make.root)
    assert case.id == Path(folder).name
    assert tuple(case.modalities) == MODALITIES
    assert case.missing == ()
    assert (case.segmentation is not None) == (seg is not None)
    assert case.labels == labels
    for number, name in enumerate(MODALITIES):
        with_number = read_case(case, with_segmentation=False).image[number]
        np.testing.assert_array_equal(with_number, nifti.read(case.modalities[name].path).array)
    # The folder of the case, or one of its files, is the same case.
    assert only(make.root / folder) == case
    assert only(case.modalities["t2"].path) == case


def test_what_does_not_fit_is_one_line_for_each_data_set(make):
    for number in range(3):
        make.case(f"BraTS-MET-{number:05}-000", naming="2023", seg=None)
        make.case(f"BraTS-PED-{number:05}-000", naming="2023", seg=(1,))
        make.case(f"BraTS-SSA-{number:05}-000", naming="2023", seg=None)
        make.case(f"BraTS-GLI-{number:05}-101", naming="2023", seg=None)
    found = scan(make.root)
    assert [(each.case_id, each.level) for each in found.findings] == [
        ("BraTS-MET-00000-000", "note"),
        ("BraTS-PED-00000-000", "note"),
    ]
    assert "metastases data set and 2 more: labels fit; its lesion-wise scoring" in found.findings[0].message
    paediatric = next(case for case in found.cases if case.id == "BraTS-PED-00001-000")
    with pytest.raises(
        CaseError, match=r"those of the paediatric data set: its label values .* are none of ours"
    ):
        read_case(paediatric)


def test_cases_are_sorted_and_found_together(make):
    for folder in ("b/LGG/case_2", "a/HGG/case_9", "case_1"):
        make.case(folder)
    make.case("BraTS-GLI-00001-000", naming="2023", seg=None)
    assert [case.id for case in find_cases(make.root)] == [
        "BraTS-GLI-00001-000",
        "case_1",
        "case_2",
        "case_9",
    ]


def test_a_flat_folder_of_many_cases(make):
    for case_id in ("case_1", "case_2"):
        make.case("all", case_id=case_id)
    assert [case.id for case in find_cases(make.root)] == ["case_1", "case_2"]
    assert only(make.root / "all" / "case_2_t1.nii.gz").id == "case_2"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_the_stray_segmentation_of_case_355(make, labels_of, suffix):
    make.case("BraTS20_Training_355", seg=None, suffix=suffix)
    stray = make.volume(f"BraTS20_Training_355/W39_1998.09.19_Segm{suffix}", labels_of())
    assert only(make.root).segmentation == stray
    (note,) = scan(make.root).findings
    assert (note.level, note.file) == ("note", stray)


def test_a_copy_that_wraps_each_file_in_a_folder_of_its_name(make, brain_of, labels_of):
    for ending in ("t1n", "t1c", "t2w", "t2f"):
        make.volume(
            f"BraTS-GLI-00000-000/BraTS-GLI-00000-000-{ending}.nii/00000057_brain_{ending}.nii", brain_of(0)
        )
    make.volume("BraTS-GLI-00000-000/BraTS-GLI-00000-000-seg.nii/00000057_final_seg.nii", labels_of((3,)))
    case = only(make.root)
    assert (case.id, case.labels, case.missing) == ("BraTS-GLI-00000-000", "brats2023", ())
    assert read_case(case).label_map.max() == 3


def test_names_without_an_id_take_the_folders(make, brain_of):
    for name in ("t1", "T1CE", "t2", "flair"):
        make.volume(f"patient 7/{name}.nii.gz", brain_of(0))
    assert only(make.root).id == "patient 7"


def write_decathlon(make, brain_of, labels_of, description) -> None:
    stack = np.stack([brain_of(i).transpose(2, 1, 0) for i in range(4)], axis=-1)
    affine = nifti.lps_geometry((10, 12, 14)).affine
    for place in ("imagesTr/BRATS_001", "imagesTr/BRATS_002", "imagesTs/BRATS_485"):
        path = make.root / "Task01_BrainTumour" / f"{place}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.Nifti1Image(stack, affine).to_filename(path)
        (path.parent / f"._{path.name}").write_bytes(b"what macOS leaves in archives")
    make.volume("Task01_BrainTumour/labelsTr/BRATS_001.nii.gz", labels_of((1, 2, 3)))
    if description is not None:
        (make.root / "Task01_BrainTumour" / "dataset.json").write_text(json.dumps(description))


DECATHLON = {
    "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
    "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
}


def test_the_decathlon(make, brain_of, labels_of):
    write_decathlon(make, brain_of, labels_of, DECATHLON)
    first, second, third = find_cases(make.root)
    assert [case.id for case in (first, second, third)] == ["BRATS_001", "BRATS_002", "BRATS_485"]
    assert [case.segmentation is not None for case in (first, second, third)] == [True, False, False]
    assert {case.labels for case in (first, second, third)} == {"msd"}
    assert scan(make.root).findings == ()
    loaded = read_case(first)
    for name, channel in (("flair", 0), ("t1", 1), ("t1ce", 2), ("t2", 3)):
        np.testing.assert_array_equal(loaded.image[MODALITIES.index(name)], brain_of(channel))
    np.testing.assert_array_equal(loaded.label_map, labels_of((1, 2, 3)))
    assert [case.id for case in find_cases(make.root / "Task01_BrainTumour" / "imagesTs")] == ["BRATS_485"]
    assert only(make.root / "Task01_BrainTumour" / "imagesTr" / "BRATS_002.nii.gz").id == "BRATS_002"


def test_a_decathlon_that_numbers_its_labels_otherwise_is_not_guessed(make, brain_of, labels_of):
    write_decathlon(
        make, brain_of, labels_of, DECATHLON | {"labels": {"0": "background", "1": "whole tumour"}}
    )
    assert {case.labels for case in find_cases(make.root)} == {None}


@pytest.mark.parametrize(
    "description", [None, {}, {"modality": {}}, {"modality": {"0": "CT"}}, {"modality": ["FLAIR"]}, []]
)
def test_a_decathlon_without_its_channel_order_is_refused(make, brain_of, labels_of, description):
    write_decathlon(make, brain_of, labels_of, description)
    with pytest.raises(UserError, match=r"dataset\.json"):
        find_cases(make.root)


PATTERNS = {
    "t1": "{id}/anat/{id}_T1w.nii.gz",
    "t1ce": "{id}/anat/{id}_*_T1gd.nii.gz",
    "t2": "{id}/anat/{id}_T2w.nii.gz",
    "flair": "{id}/flair/scan.nii.gz",
    "seg": None,
}


def write_own(make, case_id="sub-01", **more) -> None:
    for name in (f"anat/{case_id}_T1w", f"anat/{case_id}_late_T1gd", f"anat/{case_id}_T2w", "flair/scan"):
        make.volume(f"{case_id}/{name}.nii.gz")


def test_patterns_of_your_own(make):
    for case_id in ("sub-01", "sub-02"):
        write_own(make, case_id)
    make.volume("sub-02/anat/sub-03_T1w.nii.gz")  # another id inside: not this pattern's
    make.volume(".trash/anat/.trash_T1w.nii.gz")
    make.volume("sub-01/anat/sub-01_lesions.nii.gz")
    first, second = find_cases(make.root, patterns=PATTERNS)
    assert (first.id, second.id) == ("sub-01", "sub-02")
    assert first.missing == second.missing == ()
    assert (first.labels, first.segmentation) == (None, None)
    labelled = find_cases(
        make.root, patterns=PATTERNS | {"seg": "{id}/anat/{id}_lesions.nii.gz"}, labels="msd"
    )
    assert [(case.labels, case.segmentation is None) for case in labelled] == [("msd", False), ("msd", True)]


def test_a_convention_is_asked_for_where_the_naming_does_not_tell(make, labels_of):
    write_own(make)
    make.volume("sub-01/anat/sub-01_lesions.nii.gz", labels_of((1, 2, 3)))
    case = only(make.root, patterns=PATTERNS | {"seg": "{id}/anat/{id}_lesions.nii.gz"})
    with pytest.raises(
        CaseError, match=r"set data\.labels=NAME .*to one of brats2020, brats2023, brats2024, msd"
    ):
        read_case(case)
    assert read_case(case, with_segmentation=False).label_map is None


@pytest.mark.parametrize(
    ("patterns", "match"),
    [
        ({"t1": "*/t1.nii.gz"}, "{id}"),
        ({"t1c": "{id}/t1.nii.gz"}, "patterns.t1c"),
        ({"t1": "/data/{id}/t1.nii.gz"}, "below the folder of cases"),
        ({"t1": "{id}/nothing.nii.gz"}, "found none"),
    ],
)
def test_patterns_that_cannot_be_used(make, patterns, match):
    write_own(make)
    with pytest.raises(UserError, match=match):
        find_cases(make.root, patterns=patterns)


def test_patterns_that_match_twice(make):
    write_own(make)
    make.volume("sub-01/anat/sub-01_early_T1gd.nii.gz")
    with pytest.raises(UserError, match=r"case sub-01: .*one file for t1ce, found 2"):
        find_cases(make.root, patterns=PATTERNS)


def test_patterns_all_null_are_none(make):
    make.case("case_1")
    assert only(make.root, patterns=dict.fromkeys(PATTERNS)).id == "case_1"


def test_the_convention_can_be_overridden_and_must_exist(make):
    make.case("case_1")
    assert only(make.root, labels="msd").labels == "msd"
    with pytest.raises(UserError, match="unknown label values 'brats'"):
        find_cases(make.root, labels="brats")


def test_names_of_two_editions_in_one_case_tell_no_convention(make, brain_of, labels_of):
    for ending in ("t1", "t1c", "t2", "flair"):
        make.volume(f"case_1/case_1_{ending}.nii.gz", brain_of(0))
    case = only(make.root)
    assert (case.missing, case.labels) == ((), None)


def test_a_doubled_modality_of_two_editions_is_the_one_thing_that_is_wrong(make):
    make.case("case_1")
    make.volume("case_1/case_1-t1c.nii.gz")
    assert len([finding for finding in scan(make.root).findings if finding.level == "error"]) == 1
    (case,) = scan(make.root).cases
    assert [finding for finding in inspect_case(case) if finding.level == "error"] == []


def test_an_id_in_two_folders_is_an_error(make):
    make.case("HGG/case_1")
    make.case("LGG/case_1")
    make.case("case_2")
    with pytest.raises(
        UserError, match=r"case case_1: expected one case of this id, found 2: in .*HGG.* and .*LGG"
    ) as error:
        find_cases(make.root)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["case_1_t1.nii", "case_1-t1n.nii.gz", "case_1_T1.nii.gz"])
def test_a_modality_in_two_files_is_an_error(make, name):
    make.case("case_1")
    make.volume(f"case_1/{name}")
    with pytest.raises(UserError, match=r"case case_1: .*expected one file for t1, found 2"):
        find_cases(make.root)


def test_a_segmentation_alone_is_a_note(make, labels_of):
    make.case("case_1")
    make.volume("label-conventions/BraTS-GLI-00000-000-seg.nii.gz", labels_of((3,)))
    assert only(make.root).id == "case_1"
    (note,) = scan(make.root).findings
    assert (note.case_id, note.level) == ("BraTS-GLI-00000-000", "note")


def test_a_file_that_might_be_what_is_missing_is_a_note(make, labels_of):
    make.case("case_1", seg=None)
    make.volume("case_1/tumour_by_hand.nii.gz", labels_of())
    assert only(make.root).segmentation is None
    (note,) = scan(make.root).findings
    assert (note.level, note.file.name) == ("note", "tumour_by_hand.nii.gz")


@pytest.mark.parametrize("folder", ["odd/c2", "all"], ids=["of its own", "among others"])
def test_a_case_that_is_not_recognised_is_a_note(make, folder):
    make.case("all", case_id="case_1")
    make.volume("all/case_1_mask.nii.gz")
    for name in ("t1", "t1ce", "t2", "flair"):
        make.volume(f"{folder}/c2_{name}_brain.nii.gz")
    assert only(make.root).id == "case_1"
    (note,) = scan(make.root).findings
    assert (note.level, note.file.name, note.case_id) == ("note", "c2_flair_brain.nii.gz", Path(folder).name)
    assert "nor 3 more here; for other file names set patterns" in note.message


def test_extra_files_beside_a_whole_case_are_no_note(make):
    make.case("case_1")
    make.volume("case_1/mask.nii.gz")
    assert scan(make.root).findings == ()


def test_cases_that_are_not_clear_do_not_stand_in_the_way_of_the_others(make):
    for case_id in ("case_1", "case_2", "HGG/case_3", "LGG/case_3", "case_4"):
        make.case(case_id)
    make.volume("case_2/case_2_t1.nii")
    make.volume("case_4/case_4_seg.nii")  # not read where nothing is to be learnt from it
    cases, lines = clear_cases(make.root)
    assert [case.id for case in cases] == ["case_1", "case_4"]
    assert [line.split(":")[0] for line in lines] == ["case case_2", "case case_3"]
    with pytest.raises(UserError, match="found none"):
        clear_cases(make.case("case_1").parent / "case_1" / "..", patterns={"t1": "{id}/nothing.nii.gz"})


def test_a_folder_that_is_linked_twice_or_in_a_circle_is_seen_once(make):
    make.case("data/case_1")
    (make.root / "again").symlink_to(make.root / "data")
    (make.root / "data" / "circle").symlink_to(make.root)
    assert only(make.root).id == "case_1"


def test_nothing_to_find(make):
    (make.root / "empty").mkdir()
    with pytest.raises(UserError, match=r"expected cases .* found none"):
        find_cases(make.root)
    with pytest.raises(UserError, match="no such folder"):
        find_cases(make.root / "absent")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("t1", "t1ce", "t2", "flair"), "P1"),
        (("AX_T1", "AX_T1_POST", "AX_T2", "AX_T2_FLAIR"), "P1_AX"),
        (("AX_T1", "AX_T1_POST"), "P1_AX_T1"),
        (("P7_T1w", "P7_T1gd", "P7_T2w", "P7_FLAIR"), "P7"),
        (("anna_t1", "anna_t1ce", "anna_t2", "anna_flair"), "P1_anna"),
        (("BraTS20_Training_001_t1", "BraTS20_Training_001_flair"), "BraTS20_Training_001"),
    ],
)
def test_two_patients_do_not_share_an_id(make, names, expected):
    for name in names:
        make.volume(f"P1/{name}.nii.gz")
    files = {key: make.root / "P1" / f"{name}.nii.gz" for key, name in zip(MODALITIES, names, strict=False)}
    assert case_from_files(files).id == expected


def test_files_named_one_by_one(make):
    for name in ("sub1_T1w", "sub1_T1gd", "sub1_T2w", "sub1_FL"):
        make.volume(f"{name}.nii.gz")
    files = dict(
        zip(
            MODALITIES,
            (make.root / f"{n}.nii.gz" for n in ("sub1_T1w", "sub1_T1gd", "sub1_T2w", "sub1_FL")),
            strict=True,
        )
    )
    case = case_from_files(files)
    assert (case.id, case.missing, case.segmentation, case.labels) == ("sub1", (), None, None)
    assert case_from_files(files, case_id="mine", labels="msd").id == "mine"
    assert case_from_files({"t1": files["t1"]}).missing == ("t1ce", "t2", "flair")
    folder = make.case("BraTS20_Training_001")
    known = {name: folder / f"BraTS20_Training_001_{name}.nii.gz" for name in ("t1", "t1ce")}
    assert (case_from_files(known).id, case_from_files(known).labels) == ("BraTS20_Training_001", "brats2020")


def test_files_named_one_by_one_that_cannot_be(make):
    with pytest.raises(UserError, match="no such file"):
        case_from_files({"t1": make.root / "absent.nii.gz"})
    with pytest.raises(UserError, match="unknown modality t1c"):
        case_from_files({"t1c": make.root})
    with pytest.raises(UserError, match="at least one"):
        case_from_files({})


NNUNET = {
    "version 1": {
        "modality": {"0": "T1", "1": "T1ce", "2": "T2", "3": "FLAIR"},
        "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumor"},
    },
    "version 2": {
        "channel_names": {"0": "T1n", "1": "T1c", "2": "T2w", "3": "T2f"},
        "labels": {"background": 0, "edema": 1, "non-enhancing": 2, "enhancing": 3},
    },
}


@pytest.mark.parametrize("version", NNUNET)
def test_nnunets_raw_folder(make, brain_of, labels_of, version):
    for number in (1, 2):
        for channel in range(4):
            make.volume(f"in/imagesTr/BRATS_{number:03d}_{channel:04d}.nii.gz", brain_of(channel))
    make.volume("in/labelsTr/BRATS_001.nii.gz", labels_of((1, 2, 3)))
    (make.root / "in" / "dataset.json").write_text(json.dumps(NNUNET[version]))
    first, second = find_cases(make.root)
    assert (first.id, second.id, first.missing) == ("BRATS_001", "BRATS_002", ())
    assert (first.labels, second.segmentation) == ("msd", None)
    loaded = read_case(first)
    for channel, name in enumerate(MODALITIES):
        np.testing.assert_array_equal(loaded.image[MODALITIES.index(name)], brain_of(channel))


def test_an_ending_in_capitals_is_read(make):
    folder = make.case("case_1")
    for path in folder.iterdir():
        path.rename(path.with_name(path.name.replace(".nii.gz", ".NII.GZ")))
    assert read_case(only(make.root)).label_map is not None


def test_images_of_other_formats_are_counted_and_named(make):
    make.case("case_1")
    make.case("case_2", seg=None)
    for name in ("a_t1.mha", "b_t1.mha", "a_t1.hdr", "a_t1.img", "x.dcm"):
        (make.root / "case_2" / name).write_bytes(b"")
    found = scan(make.root)
    (note,) = [finding.message for finding in found.findings if "not read" in finding.message]
    assert "other images (1 .dcm, 1 .hdr, 1 .img, 2 .mha): not read" in note
    told = []
    find_cases(make.root, tell=told.append)
    assert "2 .mha" in told[0]
    assert told[1] == "1 of 2 cases have no segmentation, left out: case_2"
    told.clear()
    clear_cases(make.root, tell=told.append)
    assert len(told) == 1


def test_nothing_but_other_formats_is_said(make):
    (make.root / "a_t1.nrrd").write_bytes(b"")
    with pytest.raises(UserError, match=r"found none.*1 \.nrrd\): not read"):
        find_cases(make.root)


def test_the_patient_is_a_part_of_the_id(make):
    for visit in ("sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1"):
        write_own(make, visit)
    cases = find_cases(make.root, patterns=PATTERNS | {"patient": "{patient}_ses-*"})
    assert [case.patient for case in cases] == ["sub-01", "sub-01", "sub-02"]
    for pattern in ("*_ses-*", "{patient}-day"):
        with pytest.raises(UserError, match=r"patterns\.patient="):
            find_cases(make.root, patterns=PATTERNS | {"patient": pattern})


def test_ids_are_printable_and_of_one_form_of_unicode(make):
    for number, name in enumerate(("caf\udce9", "Mu\u0308ller", "\x1b[31mred\nx")):
        make.case(f"case_{number}", case_id=name)
    assert [case.id for case in find_cases(make.root)] == ["M\u00fcller", "\\x1b[31mred\\nx", "caf\\xe9"]


def test_an_id_too_long_for_the_disk_stands_in_nobodys_way(make):
    make.case("long", case_id="A" * 230)
    make.case("sound")
    cases, lines = clear_cases(make.root)
    assert [case.id for case in cases] == ["sound"]
    assert "expected an id of at most 200 bytes, found 230" in lines[0]
    files = {name: make.root / "sound" / f"sound_{name}.nii.gz" for name in MODALITIES}
    with pytest.raises(UserError, match="at most 200 bytes"):
        case_from_files(files, case_id="A" * 201)
