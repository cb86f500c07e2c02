"""Files and folders appear whole or not at all; a file of unknown origin is read within bounds."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brats_seg.errors import FileError, UserError
from brats_seg.files import (
    locked,
    read_bytes,
    read_json,
    read_object,
    read_yaml,
    reading,
    remove_leftovers,
    temporaries,
    whole_file,
    whole_folder,
    write_json,
    write_text,
)
from brats_seg.files.writing import remove


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


KILLED = """
import os, signal, sys
from pathlib import Path
from brats_seg.files import whole_file, whole_folder

with {write}(Path(sys.argv[1])) as temporary:
    os.kill(os.getpid(), signal.{signal})
"""


@pytest.mark.parametrize("write", ["whole_file", "whole_folder"])
def test_what_a_killed_process_left_is_cleared_by_the_next_that_writes_there(tmp_path, write):
    code = KILLED.format(write=write, signal="SIGKILL")
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "a"]).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".tmp-brats_seg-")
    (tmp_path / ".tmp-notes.txt").write_text("somebody's own")
    (tmp_path / ".tmp-brats_seg-link").symlink_to(tmp_path / ".tmp-notes.txt")
    os.mkfifo(tmp_path / ".tmp-brats_seg-fifo")
    write_text(tmp_path / "b", "x")
    assert not left.exists()
    assert {".tmp-notes.txt", ".tmp-brats_seg-link", "b"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_what_a_living_process_is_writing_stays(tmp_path, whole):
    with whole(tmp_path / "a") as temporary:
        remove_leftovers(tmp_path)
        write_text(tmp_path / "b", "x")
        assert temporary.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_where_the_disk_knows_no_locks_nothing_is_taken_for_left_over(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".tmp-brats_seg-1").touch()
    write_text(tmp_path / "b", "x")
    assert {path.name for path in tmp_path.iterdir()} == {".tmp-brats_seg-1", "b"}


def test_without_the_locks_of_posix_files_and_folders_are_written_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("brats_seg.files.temporaries.LOCKS", False)
    monkeypatch.delattr("brats_seg.files.temporaries.fcntl")
    monkeypatch.delattr(os, "O_NOFOLLOW")
    write_text(tmp_path / "a", "x")
    with whole_folder(tmp_path / "b") as temporary:
        (temporary / "c").touch()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "c"]


def test_a_lock_that_cannot_be_had_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "folder.lock").mkdir()
    (tmp_path / "link.lock").symlink_to(tmp_path / "file")
    for path in (tmp_path / "file" / ".lock", tmp_path / "folder.lock"):
        with pytest.raises(UserError, match=r"cannot write .*: elsewhere"), locked(path, remedy="elsewhere"):
            pass
    mine = locked(tmp_path / ".lock", remedy="elsewhere")
    other = locked(tmp_path / ".lock", remedy="elsewhere", busy="in use")
    with mine, pytest.raises(UserError, match="in use"), other:
        pass
    for reason in (errno.ENOLCK, errno.EIO):

        def refuse(*arguments, reason=reason):
            raise OSError(reason, os.strerror(reason))

        monkeypatch.setattr(fcntl, "flock", refuse)
        with pytest.raises(UserError, match=r"cannot write .*: elsewhere") as caught:
            locked(tmp_path / ".lock", remedy="elsewhere").__enter__()
        assert "\n" not in str(caught.value)


def test_a_file_that_becomes_a_fifo_meanwhile_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("{}")
    open_ = os.open

    def swapped(name, *arguments, **options):
        path.unlink()
        os.mkfifo(path)
        return open_(name, *arguments, **options)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(FileError, match="no regular file"):
        read_bytes(path)


HOSTILE = {
    "nothing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "a FIFO": os.mkfifo,
    "0 bytes": lambda path: path.write_bytes(b""),
    "300 000 brackets": lambda path: path.write_text("[" * 300_000),
    "300 000 pairs of brackets": lambda path: path.write_text("[" * 300_000 + "]" * 300_000),
    "random bytes": lambda path: path.write_bytes(random.Random(0).randbytes(10_000)),
    "too many bytes": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 10**12),
}
HOSTILE_JSON = HOSTILE | {
    "51 levels": lambda path: path.write_text("[" * 51 + "]" * 51),
    "millions of lists": lambda path: path.write_text("[" + "[]," * 2_000_000 + "[]]"),
    "half a file": lambda path: path.write_text('{"a": 1'),
    "a control character": lambda path: path.write_text('["\\u001b[31mred"]'),
    "a control character in a key": lambda path: path.write_text('{"\\u001b[31mred": 1}'),
    "a number of a million digits": lambda path: path.write_text("1" * 1_000_000),
    "a key twice": lambda path: path.write_text('{"train": ["x"], "train": ["y"]}'),
}
HOSTILE_YAML = {kind: make for kind, make in HOSTILE.items() if kind != "0 bytes"} | {
    "51 levels": lambda path: path.write_text("[" * 51 + "]" * 51),
    "aliases": lambda path: path.write_text("a: &a [x, x]\nb: [*a, *a]"),
    "a Python object": lambda path: path.write_text("!!python/object/apply:os.system [ls]"),
    "tags that lie": lambda path: path.write_text("[!!bool maybe]"),
    "an empty number": lambda path: path.write_text('!!int ""'),
    "no timestamp": lambda path: path.write_text("!!timestamp yesterday"),
    "a control character": lambda path: path.write_text('"\\e[31mred"'),
    "a list as key": lambda path: path.write_text("? [a]\n: 1"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", HOSTILE_JSON)
def test_hostile_json_is_one_line(tmp_path, kind):
    HOSTILE_JSON[kind](tmp_path / "a.json")
    with pytest.raises(FileError, match=r"a\.json: expected .*, found .") as caught:
        read_json(tmp_path / "a.json")
    assert "\n" not in str(caught.value)
    assert read_object(tmp_path / "a.json") == {}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", HOSTILE_YAML)
def test_hostile_yaml_is_one_line(tmp_path, kind):
    HOSTILE_YAML[kind](tmp_path / "a.yaml")
    with pytest.raises(FileError, match=r"a\.yaml: expected .*, found .") as caught:
        read_yaml(tmp_path / "a.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["nothing", "a folder", "a FIFO", "too many bytes"])
def test_hostile_bytes_are_one_line(tmp_path, kind):
    HOSTILE[kind](tmp_path / "a.csv")
    with pytest.raises(FileError, match=r"a\.csv: expected .*, found ."):
        read_bytes(tmp_path / "a.csv")


def test_a_file_that_is_too_large_is_refused_by_its_size_and_not_read(tmp_path):
    HOSTILE["too many bytes"](tmp_path / "a.csv")
    with pytest.raises(FileError, match=r"found 1000000000000$"):
        read_bytes(tmp_path / "a.csv")


def test_what_is_written_is_read(tmp_path):
    value = {"a": [1, 2.5, None, True, "x"], "deep": {"er": [[[]]]}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == read_object(tmp_path / "a.json") == value
    assert read_yaml(tmp_path / "a.json") == value  # JSON is YAML
    write_json(tmp_path / "a.json", [1])
    assert read_object(tmp_path / "a.json") == {}  # no object
    write_text(tmp_path / "a.yaml", "hash: 012")
    assert read_yaml(tmp_path / "a.yaml", texts=True) == {"hash": "012"}


def test_a_file_that_grows_while_it_is_read(tmp_path, monkeypatch):
    file = tmp_path / "x"
    file.write_bytes(b"12345")
    told = os.fstat

    def smaller(descriptor: int) -> os.stat_result:
        values = list(told(descriptor))
        values[6] = 2  # st_size, as before it grew
        return os.stat_result(values)

    monkeypatch.setattr(reading.os, "fstat", smaller)
    assert read_bytes(file, 5) == b"12345"
    with pytest.raises(UserError, match="expected at most 4 bytes, found 5"):
        read_bytes(file, 4)
    with pytest.raises(UserError, match="expected at most 4 bytes, found more"):
        read_bytes(Path("/proc/self/status"), 4)  # whose size is told as 0


def test_a_folder_in_the_place_of_a_file_cannot_be_removed(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(UserError, match="remove it, or choose another folder"):
        remove(tmp_path / "x")
    remove(tmp_path / "none")


def test_a_temporary_that_was_taken_for_left_over_is_made_again(tmp_path, monkeypatch):
    open_first, opened = temporaries._open, []

    def open_too_late(path):
        opened.append(path)
        if len(opened) == 1:
            path.unlink()  # as another process does that clears what is left over
        return open_first(path)

    monkeypatch.setattr(temporaries, "_open", open_too_late)
    write_text(tmp_path / "a", "x")
    assert len(opened) >= 2
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_temporary_that_another_process_has_locked_is_left_to_it(tmp_path, monkeypatch):
    flock, asked = fcntl.flock, []

    def busy_at_first(descriptor, operation):
        asked.append(operation)
        if len(asked) == 1:
            raise BlockingIOError
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", busy_at_first)
    write_text(tmp_path / "a", "x")
    assert len(asked) >= 2
    assert (tmp_path / "a").read_text() == "x"
