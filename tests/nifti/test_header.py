"""Header rules that nibabel leaves out, and what outputs take over from their input's header."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.errors import FileError, WrongValue

SHAPE = (4, 5, 6)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def saved(
    path: Path, affine: np.ndarray | None = LPS, kind: type = nib.Nifti1Image, **fields: object
) -> Path:
    """A file of ascending voxels with header fields of one's own."""
    image = kind(np.arange(120, dtype=np.int16).reshape(SHAPE), affine)
    for name, value in fields.items():
        image.header[name] = value
    image.to_filename(path)
    return path


def notes(path: Path, orientation: str | None = None) -> list[str]:
    return [found for _, found in nifti.read_geometry(path, orientation).notes]


@pytest.mark.parametrize(("unit", "size"), [(1, 0.001), (2, 1.0), (3, 1000.0), (0, 1.0)])
def test_places_are_in_millimetres_whatever_the_unit(tmp_path, unit, size):
    path = saved(tmp_path / "a.nii", np.diag([-size, -size, size, 1.0]), xyzt_units=unit | 8)
    geometry = nifti.read_geometry(path)
    assert geometry.spacing_mm == pytest.approx((1, 1, 1))
    assert bool(geometry.notes) == (unit in (1, 3))
    nifti.write(tmp_path / "out.nii", nifti.read(path).array, geometry)
    np.testing.assert_array_equal(nib.load(tmp_path / "out.nii").affine, nib.load(path).affine)


def test_an_unknown_unit_is_taken_for_mm_and_told(tmp_path):
    (note,) = notes(saved(tmp_path / "a.nii", xyzt_units=5))
    assert "taken for mm" in note


def test_a_header_without_a_space_is_loudly_taken_for_nibabels(tmp_path):
    path = saved(tmp_path / "a.nii", None)
    (note,) = notes(path)
    assert note.startswith("WARNING: none")
    assert "taken for LAS" in note and "orientation=LPS" in note
    assert not nifti.read_geometry(path).told


@pytest.mark.parametrize("orientation", ["LPS", "LAS", "RAS", "PIR"])
def test_the_user_says_how_such_a_file_lies(tmp_path, orientation):
    path = saved(tmp_path / "a.nii", None)
    (volume,) = nifti.read_channels(path, orientation)
    assert volume.geometry.orientation == orientation
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt(tuple(orientation)), nib.orientations.axcodes2ornt(tuple("LPS"))
    )
    stored = np.asarray(nib.load(path).dataobj)
    np.testing.assert_array_equal(
        volume.array, nib.orientations.apply_orientation(stored, turn).transpose(2, 1, 0)
    )
    nifti.write(tmp_path / "out.nii", volume.array, volume.geometry)
    np.testing.assert_array_equal(np.asarray(nib.load(tmp_path / "out.nii").dataobj), stored)


def test_what_the_user_says_does_not_overrule_a_header(tmp_path):
    assert nifti.read_geometry(saved(tmp_path / "a.nii"), "RAS").orientation == "LPS"


@pytest.mark.parametrize("orientation", ["", "LP", "LPP", "LRS", "lps", "LPSA", "XYZ"])
def test_what_is_no_orientation_is_refused(orientation):
    with pytest.raises(WrongValue, match="one letter for each axis"):
        nifti.check_orientation(orientation)


def test_sform_and_qform_that_disagree_are_a_note(tmp_path):
    image = nib.Nifti1Image(np.zeros(SHAPE, np.int16), LPS)
    image.set_qform(LPS, 1)
    moved = LPS.copy()
    moved[2, 3] = 20
    image.set_sform(moved, 1)
    image.to_filename(tmp_path / "a.nii")
    (note,) = notes(tmp_path / "a.nii")
    assert "places up to 20 mm apart; the sform is used" in note
    image.set_sform(LPS, 1)
    image.to_filename(tmp_path / "a.nii")
    assert notes(tmp_path / "a.nii") == []


@pytest.mark.parametrize("size", [2.0, np.nan, np.inf, 0.0])
def test_sizes_that_the_sform_does_not_have_are_a_note_and_usable_in_outputs(tmp_path, size):
    far = np.diag([-3.0, -3.0, 3.0, 1.0])
    path = saved(tmp_path / "a.nii", far)
    data = bytearray(path.read_bytes())
    data[80:84] = np.float32(size).tobytes()
    path.write_bytes(data)
    (note,) = notes(path)
    assert note.startswith("pixdim ")
    assert note.endswith("; the sform is used")
    volume = nifti.read(path)
    nifti.write(tmp_path / "out.nii", volume.array, volume.geometry)
    written = nib.load(tmp_path / "out.nii").header
    assert np.isfinite(written["pixdim"]).all()
    assert np.array_equal(written.get_best_affine(), far)


@pytest.mark.parametrize("form", ["sform", "qform"])
def test_a_form_with_a_code_of_another_program_is_used(tmp_path, form):
    image = nib.Nifti1Image(np.zeros(SHAPE, np.int16), None)
    image.set_qform(LPS, 2 if form == "qform" else 0)
    image.set_sform(LPS, 2 if form == "sform" else 0)
    image.header[f"{form}_code"] = 99
    (tmp_path / "a.nii").write_bytes(image.header.binaryblock + bytes(4 + 2 * 120))
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[108:112], data[344:348] = np.float32(352).tobytes(), b"n+1\0"
    (tmp_path / "a.nii").write_bytes(data)
    assert notes(tmp_path / "a.nii") == []
    assert np.array_equal(nifti.read_geometry(tmp_path / "a.nii").affine, LPS)


def test_sheared_and_oblique_axes_are_a_note(tmp_path):
    sheared = LPS.copy()
    sheared[0, 1] = 0.3
    assert any(
        "sheared by 16.7 degrees" in note for note in notes(saved(tmp_path / "a.nii", sheared, qform_code=0))
    )
    angle = np.radians(30)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert any("oblique by 30 degrees" in note for note in notes(saved(tmp_path / "b.nii", turn @ LPS)))
    assert notes(saved(tmp_path / "c.nii")) == []


def test_a_scale_that_turns_dark_into_bright_is_told(tmp_path):
    path = saved(tmp_path / "a.nii")
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([-1, 0], np.float32).tobytes()  # nibabel would write a slope of its own
    path.write_bytes(data)
    (note,) = notes(path)
    assert note.startswith("WARNING: -1, which makes bright dark")


@pytest.mark.parametrize("more", [(1,), (1, 1), (1, 1, 1, 1), (2, 1), (1, 2), (2, 3)])
def test_axes_of_one_behind_the_fourth_do_not_count(tmp_path, more):
    voxels = np.arange(120 * np.prod(more), dtype=np.int16).reshape((*SHAPE, *more))
    nib.Nifti1Image(voxels, LPS).to_filename(tmp_path / "a.nii")
    if more in ((1, 2), (2, 3)):
        with pytest.raises(FileError, match="a channel per modality"):
            nifti.read_geometry(tmp_path / "a.nii")
        return
    first, *others = nifti.read_channels(tmp_path / "a.nii")
    assert len(others) == np.prod(more) - 1
    np.testing.assert_array_equal(first.array, voxels.reshape(*SHAPE, -1)[..., 0].transpose(2, 1, 0))
    (*_, last) = nifti.channels_from_image(nib.load(tmp_path / "a.nii"), tmp_path)
    np.testing.assert_array_equal(last.array, voxels.reshape(*SHAPE, -1)[..., -1].transpose(2, 1, 0))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_2_is_read_as_nifti_1(tmp_path, name):
    first = nifti.read(saved(tmp_path / f"1{name}"))
    second = nifti.read(saved(tmp_path / f"2{name}", kind=nib.Nifti2Image))
    np.testing.assert_array_equal(first.array, second.array)
    np.testing.assert_array_equal(first.geometry.affine, second.geometry.affine)
    nifti.write(tmp_path / "out.nii", second.array, second.geometry)
    assert isinstance(nib.load(tmp_path / "out.nii"), nib.Nifti1Image)


def test_an_image_of_nifti_2_in_memory_is_read(tmp_path):
    image = nib.Nifti2Image(np.zeros(SHAPE, np.int16), LPS)
    assert nifti.from_image(image).geometry.shape == (6, 5, 4)


def test_outputs_carry_no_word_of_their_input(tmp_path):
    words = dict.fromkeys(("descrip", "db_name", "aux_file", "intent_name"), b"NAME")
    path = saved(
        tmp_path / "a.nii",
        **words,
        intent_code=1007,
        slice_code=3,
        toffset=9,
        cal_max=8,
        extents=7,
        session_error=6,
    )
    volume = nifti.read(path)
    nifti.write(tmp_path / "out.nii", volume.array, volume.geometry)
    assert b"NAME" not in (tmp_path / "out.nii").read_bytes()
    header = nib.load(tmp_path / "out.nii").header
    assert header["descrip"] == b"brats_seg"
    fields = ("intent_code", "slice_code", "toffset", "cal_max", "extents", "session_error")
    assert [int(header[name]) for name in fields] == [0] * 6


CONTENTS = {
    b"/annex/objects/MD5E-s7--0.nii.gz\n": "git annex get",
    b"version https://git-lfs.github.com/spec/v1\n": "git lfs pull",
    b"<!DOCTYPE html><html>virus scan warning</html>": "a web page",
    b"NRRD0004\n": "convert it to NIfTI",
    b"PK\x03\x04" * 100: "unzip it",
}


@pytest.mark.parametrize("content", CONTENTS)
def test_files_of_other_kinds_are_named(tmp_path, content):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    with pytest.raises(FileError, match=CONTENTS[content]):
        nifti.read(path)


def test_nibabel_prints_nothing(tmp_path, capfd):
    path = saved(tmp_path / "a.nii")
    data = bytearray(path.read_bytes())
    data[76:80] = np.float32(0).tobytes()  # qfac, which nibabel mends
    path.write_bytes(data)
    nifti.read(path)
    assert capfd.readouterr() == ("", "")
