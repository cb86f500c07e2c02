"""Headers and files that few programs write."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.errors import FileError
from brats_seg.nifti.names import stem


def written(folder: Path, image: nib.Nifti1Image) -> Path:
    nib.save(image, folder / "x.nii")
    return folder / "x.nii"


def image(shape: tuple[int, ...] = (4, 5, 6)) -> nib.Nifti1Image:
    return nib.Nifti1Image(
        np.arange(np.prod(shape), dtype=np.int16).reshape(shape), np.diag([-1.0, -1, 1, 1])
    )


def test_one_half_of_a_pair_of_files(tmp_path):
    header = bytearray(written(tmp_path, image()).read_bytes())
    header[344:348] = b"ni1\0"  # the magic of a header whose voxels lie in another file
    (tmp_path / "x.nii").write_bytes(header)
    with pytest.raises(FileError, match=r"one of \.hdr and \.img; join them"):
        nifti.read(tmp_path / "x.nii")


def test_a_file_with_fewer_voxels_than_it_says(tmp_path):
    path = written(tmp_path, image())
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FileError, match=r"240 bytes of voxels for shape \(4, 5, 6\), found 230"):
        nifti.read(path)


def test_an_image_in_memory_of_several_volumes():
    with pytest.raises(FileError, match="expected a 3-D volume, found 2 channels"):
        nifti.from_image(image((4, 5, 6, 2)))


def test_both_forms_are_there_and_the_qform_can_be_asked_for(tmp_path):
    both = image()
    both.set_qform(both.affine, 1)
    moved = both.affine.copy()
    moved[0, 3] += 3
    both.set_sform(moved, 1)
    geometry = nifti.read(written(tmp_path, both)).geometry
    assert geometry.by_qform is not None
    assert not nifti.same_space(geometry, geometry.by_qform)
    assert nifti.read(written(tmp_path, image())).geometry.by_qform is None


def test_the_stem_of_another_file_is_its_name():
    assert stem("one.nii.gz") == stem("one.NII") == stem("one") == "one"
    assert stem("one.json") == "one.json"


def test_a_qform_that_is_none(tmp_path):
    both = image()
    both.set_sform(both.affine, 1)
    both.set_qform(both.affine, 1)
    header = bytearray(written(tmp_path, both).read_bytes())
    header[256:268] = np.ones(3, "<f4").tobytes()  # a quaternion longer than 1
    (tmp_path / "x.nii").write_bytes(header)
    geometry = nifti.read(tmp_path / "x.nii").geometry
    assert any("a qform that is none; the sform is used" in str(note) for note in geometry.notes)
