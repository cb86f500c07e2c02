"""Reading and writing: identity for every orientation, one line for every broken file."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brats_seg import nifti
from brats_seg.errors import FileError, UserError

SHAPE = (5, 6, 7)  # z, y, x
ORIENTATIONS = [
    (p, s) for p in itertools.permutations(range(3)) for s in itertools.product((-1, 1), repeat=3)
]


def turned(permutation, signs, *, tilt=0.0):
    """An affine that permutes and mirrors the axes, tilted about two axes, 1 mm, off centre."""
    axes = np.zeros((3, 3))
    axes[list(permutation), range(3)] = signs
    c, s = np.cos(tilt), np.sin(tilt)
    affine = np.eye(4)
    affine[:3, :3] = (
        np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ axes
    )
    affine[:3, 3] = (-12.5, 30.25, 7.0)
    return affine


def image_of(affine, dtype=np.int16, shape=SHAPE):
    generator = np.random.default_rng(0)
    image = nib.Nifti1Image(generator.integers(0, 90, shape).astype(dtype), affine)
    image.header.set_xyzt_units("mm", "sec")
    return image


@pytest.mark.parametrize("tilt", [0.0, 0.2], ids=["straight", "oblique"])
@pytest.mark.parametrize(("permutation", "signs"), ORIENTATIONS)
def test_write_then_read_is_the_identity(tmp_path, permutation, signs, tilt):
    geometry = nifti.from_image(image_of(turned(permutation, signs, tilt=tilt))).geometry
    array = np.random.default_rng(1).integers(0, 5, geometry.shape).astype(np.uint8)
    nifti.write(tmp_path / "a.nii.gz", array, geometry)
    nifti.write(tmp_path / "b.nii.gz", array, geometry)
    back = nifti.read(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(back.array, array)
    assert back.array.dtype == np.uint8
    np.testing.assert_array_equal(back.geometry.affine, geometry.affine)
    assert back.geometry.header.get_data_shape() == geometry.header.get_data_shape()
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize("tilt", [0.0, 0.2], ids=["straight", "oblique"])
@pytest.mark.parametrize(("permutation", "signs"), ORIENTATIONS)
def test_reading_agrees_with_nibabel(tmp_path, permutation, signs, tilt):
    image = image_of(turned(permutation, signs, tilt=tilt))
    image.to_filename(tmp_path / "a.nii.gz")
    volume = nifti.read(tmp_path / "a.nii.gz")
    canonical = nib.as_closest_canonical(image)  # RAS
    np.testing.assert_array_equal(volume.array, np.asarray(canonical.dataobj)[::-1, ::-1].transpose(2, 1, 0))
    assert volume.geometry.shape == volume.array.shape
    # The same voxel lies at the same place in the world by the LPS affine.
    z, y, x = (n - 1 for n in volume.array.shape)
    np.testing.assert_allclose(
        volume.geometry.lps_affine @ (x, y, z, 1), canonical.affine @ (0, 0, z, 1), atol=1e-5
    )


def test_the_space_of_the_input_is_kept(tmp_path):
    image = image_of(turned((1, 0, 2), (1, -1, 1), tilt=0.1))
    image.set_sform(image.affine, code=4)
    image.set_qform(image.affine, code=1)
    image.header.set_xyzt_units("micron", "msec")
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"name of the patient"))
    image.to_filename(tmp_path / "in.nii.gz")
    volume = nifti.read(tmp_path / "in.nii.gz")
    nifti.write(tmp_path / "out.nii.gz", volume.array.astype(np.uint8), volume.geometry)
    out = nib.load(tmp_path / "out.nii.gz")
    assert out.get_data_dtype() == np.uint8
    assert out.header.get_xyzt_units() == ("micron", "msec")
    assert (int(out.header["qform_code"]), int(out.header["sform_code"])) == (1, 4)
    np.testing.assert_array_equal(out.affine, nib.load(tmp_path / "in.nii.gz").affine)
    assert b"patient" not in gzip.decompress((tmp_path / "out.nii.gz").read_bytes())


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_integers_stay_integers(tmp_path, dtype, suffix):
    path = tmp_path / f"a{suffix}"
    geometry = nifti.lps_geometry(SHAPE)
    array = np.random.default_rng(0).integers(0, 200, SHAPE).astype(dtype)
    nifti.write(path, array, geometry)
    back = nifti.read(path)
    assert back.array.dtype == dtype
    np.testing.assert_array_equal(back.array, array)
    assert back.geometry.orientation == "LPS"
    assert back.geometry.spacing_mm == (1, 1, 1)


def test_spacing_follows_the_axes(tmp_path):
    affine = turned((2, 0, 1), (1, 1, 1)) @ np.diag([2.0, 3.0, 4.0, 1.0])  # file axes run along z, x, y
    geometry = nifti.from_image(image_of(affine)).geometry
    assert geometry.spacing_mm == (2.0, 4.0, 3.0)
    assert geometry.shape == (5, 7, 6)


def test_scaled_and_big_endian_files(tmp_path):
    image = image_of(np.eye(4))
    scaled = nib.Nifti1Image(np.asarray(image.dataobj) * 0.5 + 3, np.eye(4))
    scaled.header.set_data_dtype(np.int16)
    scaled.to_filename(tmp_path / "scaled.nii.gz")
    expected = (
        nib.as_closest_canonical(nib.load(tmp_path / "scaled.nii.gz"))
        .get_fdata()[::-1, ::-1]
        .transpose(2, 1, 0)
    )
    found = nifti.read(tmp_path / "scaled.nii.gz").array
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    big = nib.Nifti1Image(np.asarray(image.dataobj), np.eye(4), nib.Nifti1Header(endianness=">"))
    big.to_filename(tmp_path / "big.nii")
    found = nifti.read(tmp_path / "big.nii").array
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, nifti.from_image(image).array)


def test_a_file_in_several_gzip_members_is_read_whole(tmp_path):
    data = image_of(np.eye(4)).to_bytes()
    (tmp_path / "a.nii.gz").write_bytes(
        b"".join(gzip.compress(data[i : i + 100]) for i in range(0, len(data), 100))
    )
    np.testing.assert_array_equal(
        nifti.read(tmp_path / "a.nii.gz").array, nifti.from_image(image_of(np.eye(4))).array
    )


def test_channels_of_a_four_dimensional_file(tmp_path):
    image = image_of(turned((0, 1, 2), (-1, -1, 1)), shape=(*SHAPE, 4))
    image.to_filename(tmp_path / "a.nii.gz")
    assert nifti.read_geometry(tmp_path / "a.nii.gz").channels == 4
    for channel, volume in enumerate(nifti.read_channels(tmp_path / "a.nii.gz")):
        np.testing.assert_array_equal(
            volume.array, np.asarray(image.dataobj)[..., channel].transpose(2, 1, 0)
        )
        np.testing.assert_array_equal(nifti.read(tmp_path / "a.nii.gz", channel).array, volume.array)
        assert len(volume.geometry.header.get_data_shape()) == 3
    with pytest.raises(FileError, match="expected a channel 4, found 4 channels"):
        nifti.read(tmp_path / "a.nii.gz", 4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "a.nii.gz"
    nifti.write(
        path, np.random.default_rng(0).integers(0, 999, SHAPE).astype(np.int16), nifti.lps_geometry(SHAPE)
    )
    return path


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_anywhere_is_one_line(whole, tmp_path, data):
    content = whole.read_bytes()
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(FileError, match=r"cut\.nii\.gz: expected .*copy it again") as error:
        nifti.read(cut)
    assert "\n" not in str(error.value)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=600))
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_junk_is_one_line(tmp_path, junk, suffix):
    path = tmp_path / f"junk{suffix}"
    path.write_bytes(junk)
    for reading in (nifti.read, nifti.read_geometry):
        with pytest.raises(FileError):
            reading(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 347), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_header_is_one_line_or_still_a_volume(whole, tmp_path, changes):
    data = bytearray(gzip.decompress(whole.read_bytes()))
    for place, value in changes:
        data[place] = value
    path = tmp_path / "a.nii"
    path.write_bytes(data)
    with contextlib.suppress(FileError):
        assert nifti.read(path).array.ndim == 3


def test_a_flipped_byte_is_noticed(whole, tmp_path):
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.nii.gz").write_bytes(content)
    with pytest.raises(FileError, match="broken one"):
        nifti.read(tmp_path / "a.nii.gz")


def test_the_header_alone_needs_no_more_than_the_header(whole, tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(whole.read_bytes()[:-100])
    np.testing.assert_array_equal(
        nifti.read_geometry(tmp_path / "a.nii.gz").affine, nifti.read(whole).geometry.affine
    )


def test_other_broken_files(tmp_path):
    def refused(image, match):
        image.to_filename(tmp_path / "a.nii")
        with pytest.raises(FileError, match=match):
            nifti.read(tmp_path / "a.nii")

    refused(nib.Nifti1Image(np.zeros((4, 4), np.int16), np.eye(4)), "3-D volume")
    refused(nib.Nifti1Image(np.zeros((4, 4, 4, 1, 3), np.int16), np.eye(4)), "3-D volume")
    refused(nib.Nifti1Image(np.zeros((4, 4, 4), np.complex64), np.eye(4)), "integers or floats")
    refused(
        nib.Nifti1Image(np.zeros((4, 4, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")]), np.eye(4)),
        "integers or floats",
    )
    singular = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
    singular.header["srow_x"] = 0
    singular.header["vox_offset"] = 352
    (tmp_path / "a.nii").write_bytes(singular.header.binaryblock + bytes(4 + 128))
    with pytest.raises(FileError, match="invertible affine"):
        nifti.read(tmp_path / "a.nii")
    huge = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
    huge.header["dim"][1:4] = 32767
    huge.header["vox_offset"] = 352
    (tmp_path / "a.nii").write_bytes(huge.header.binaryblock + bytes(4))
    with pytest.raises(FileError, match="3-D volume"):
        nifti.read(tmp_path / "a.nii")
    with pytest.raises(FileError, match="expected a file, found none"):
        nifti.read(tmp_path / "absent.nii.gz")
    with pytest.raises(FileError, match="found a folder"):
        nifti.read(tmp_path)


def test_a_failed_write_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        nifti.write(tmp_path / "file" / "a.nii.gz", np.zeros(SHAPE, np.uint8), nifti.lps_geometry(SHAPE))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", [nifti.read, nifti.read_geometry])
def test_what_is_no_regular_file_is_refused_before_it_is_opened(tmp_path, read):
    os.mkfifo(tmp_path / "a.nii.gz")
    (tmp_path / "b.nii.gz").mkdir()
    os.truncate(os.open(tmp_path / "c.nii.gz", os.O_CREAT | os.O_WRONLY), 2**40)
    for name, found in (("a", "no regular file"), ("b", "a folder")):
        with pytest.raises(FileError, match=found):
            read(tmp_path / f"{name}.nii.gz")
    with pytest.raises(FileError, match=r"c\.nii\.gz: expected"):
        read(tmp_path / "c.nii.gz")


@pytest.mark.parametrize(("name", "zipped"), [("a.nii", True), ("a.nii.gz", False)])
def test_a_file_is_read_by_its_content_not_by_its_name(whole, tmp_path, name, zipped):
    path = tmp_path / name
    data = whole.read_bytes()
    path.write_bytes(data if zipped else gzip.decompress(data))
    assert np.array_equal(nifti.read(path).array, nifti.read(whole).array)
    assert nifti.read_geometry(path).shape == SHAPE


def test_other_formats_are_named(whole, tmp_path):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(whole.read_bytes()))
    with pytest.raises(FileError, match="a gzip file within a gzip file"):
        nifti.read(path)
    image = nib.load(whole)
    path.write_bytes(gzip.compress(nib.Nifti2Image(np.asarray(image.dataobj), image.affine).to_bytes()))
    np.testing.assert_array_equal(nifti.read(path).array, nifti.read(whole).array)
    path.write_bytes(b"<!DOCTYPE html>" * 100)
    with pytest.raises(FileError, match="a web page; download the file again"):
        nifti.read(path)


@pytest.mark.parametrize("offset", [0, -1, 100, 348, 351, 352.5, 1e30, np.inf, -np.inf, np.nan])
def test_voxels_cannot_begin_within_the_header(whole, tmp_path, offset):
    data = bytearray(gzip.decompress(whole.read_bytes()))
    data[108:112] = np.float32(offset).tobytes()
    path = tmp_path / "a.nii"
    path.write_bytes(data)
    with pytest.raises(FileError, match="expected voxels from byte 352 on, found vox_offset"):
        nifti.read(path)


@pytest.mark.parametrize("members", [1, 3])
def test_a_bomb_is_refused_before_it_takes_memory(whole, tmp_path, members):
    data = gzip.decompress(whole.read_bytes())
    bomb = [data, *[bytes(200_000_000 // members)] * members]
    path = tmp_path / "a.nii.gz"
    parts = [b"".join(bomb)] if members == 1 else bomb
    path.write_bytes(b"".join(gzip.compress(part, 1) for part in parts))
    del bomb, parts
    tracemalloc.start()
    with pytest.raises(FileError, match="as its header says, found more"):
        nifti.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000


def test_a_giant_is_refused_by_its_header(whole, tmp_path):
    data = bytearray(gzip.decompress(whole.read_bytes()))
    data[40:56] = np.array([3, 1200, 1200, 1400, 1, 1, 1, 1], np.int16).tobytes()
    path = tmp_path / "a.nii"
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"shape \(1200, 1200, 1400\)"):
        nifti.read_geometry(path)


@pytest.mark.parametrize(("shift_mm", "same"), [(0.09, True), (0.11, False)])
def test_two_files_lie_in_the_same_place_to_a_tenth_of_a_millimetre(shift_mm: float, same: bool) -> None:
    one = nifti.lps_geometry((4, 5, 6))
    other = nifti.lps_geometry((4, 5, 6), origin_mm=(0.0, -239.0, shift_mm))
    assert nifti.same_space(one, other) == same
