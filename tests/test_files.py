"""Files and folders appear whole or not at all."""

from __future__ import annotations

import os

import pytest

from brats_seg.errors import UserError
from brats_seg.files import whole_file, whole_folder, write_json, write_text


def write_half_a_file(path):
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("cut off")


def write_half_a_folder(path):
    with whole_folder(path) as temporary:
        (temporary / "new").touch()
        raise RuntimeError("cut off")


@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_that_fails_is_as_if_never_begun(tmp_path, before):
    path = tmp_path / "a.txt"
    if before:
        path.write_text(before)
    with pytest.raises(RuntimeError, match="cut off"):
        write_half_a_file(path)
    assert (path.read_text() if path.exists() else None) == before
    assert [p.name for p in tmp_path.iterdir()] == (["a.txt"] if before else [])


def test_a_file_is_not_there_before_it_is_whole(tmp_path):
    path = tmp_path / "new" / "a.nii.gz"
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert temporary.name.endswith(".nii.gz")
        assert not path.exists()
    assert path.read_text() == "new"


def test_others_may_read_what_the_umask_lets_them(tmp_path):
    old = os.umask(0o022)
    try:
        write_text(tmp_path / "a.txt", "x")
        with whole_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(old)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o755


def test_a_folder_takes_the_place_of_the_old_one_or_does_not(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(RuntimeError, match="cut off"):
        write_half_a_folder(path)
    assert [p.name for p in path.iterdir()] == ["old"]
    with whole_folder(path) as temporary:
        (temporary / "new").touch()
    assert [p.name for p in path.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    for attempt in (lambda p: write_json(p, {}), lambda p: whole_folder(p).__enter__()):
        with pytest.raises(UserError, match=r"cannot write .*choose another folder"):
            attempt(tmp_path / "file" / "a")
