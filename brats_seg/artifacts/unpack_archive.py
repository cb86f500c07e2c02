"""Unpack an archive of an ensemble, from anybody: nothing in it is believed before its hashes are right.

Covered by tests/artifacts/test_ensemble_archive.py and test_damaged.py.
"""

from __future__ import annotations

import hashlib
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from brats_seg.artifacts.bundle_record import MAX_RECORD_BYTES, RECORD
from brats_seg.artifacts.bundles import WEIGHTS
from brats_seg.artifacts.ensemble_archive import ENSEMBLE, MANIFEST, SCHEMA, chunks_of
from brats_seg.artifacts.ensemble_file import load_ensemble
from brats_seg.artifacts.weights_file import MAX_BYTES
from brats_seg.errors import FileError, UserError, one_line
from brats_seg.files import file_sha256, open_regular, read_json, whole_folder

NAME = re.compile(rf"{re.escape(ENSEMBLE)}|{re.escape(MANIFEST)}|[ab][0-9]{{1,3}}/({RECORD}|{WEIGHTS})")
"""Every name that an archive may hold: none leads out of its folder."""
MOST_FILES = 500
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, RuntimeError)
"""What zipfile raises for a damaged, encrypted or unusual archive."""


def unpack_ensemble(archive: Path, output: Path, sha256: str | None = None) -> Path:
    """Unpack what `brats-seg bundle action=pack` wrote, after everything in it was compared with its hashes.

    Args:
        archive: The zip file, from anybody.
        output: A folder that is not there yet, or empty.
        sha256: That the file must have; None: any.

    Returns:
        ``ensemble.yaml`` in the folder.

    Raises:
        UserError: The file is another one than was expected, is damaged, holds something else than an
            ensemble, or the folder is not empty or cannot be written.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"output={output} is there and not empty: choose another folder")
    if sha256 is not None and (found := file_sha256(archive)) != sha256.lower():
        raise FileError(archive, f"sha256 {sha256}", found)
    with whole_folder(output) as temporary:
        with open_regular(archive) as file, _explained(archive), zipfile.ZipFile(file) as opened:
            hashes = {}
            for entry in _entries(archive, opened):
                hashes[entry.filename] = _extract(archive, opened, entry, temporary)
        _compare(archive, temporary, hashes)
    return output / ENSEMBLE


@contextmanager
def _explained(archive: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        found = one_line(error)
        expected = "a zip file of `brats-seg bundle action=pack`"
        raise FileError(archive, expected, f"something else ({found})") from error


def _entries(archive: Path, opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of an archive, if it holds nothing else."""
    entries = opened.infolist()
    if len(entries) > MOST_FILES:
        raise FileError(archive, f"at most {MOST_FILES} files", f"{len(entries)}")
    seen = set()
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if not NAME.fullmatch(entry.filename) or entry.filename in seen:
            raise FileError(archive, f"{ENSEMBLE}, {MANIFEST} and bundles", f"{entry.filename!a}")
        if kind not in (0, stat.S_IFREG):
            raise FileError(archive, "files only", f"{entry.filename!a}, a link or something else")
        most = MAX_BYTES if entry.filename.endswith(WEIGHTS) else MAX_RECORD_BYTES
        if entry.file_size > most:
            raise FileError(archive, f"at most {most} bytes in {entry.filename}", f"{entry.file_size}")
        seen.add(entry.filename)
    if missing := {ENSEMBLE, MANIFEST} - seen:
        raise FileError(archive, f"{ENSEMBLE} and {MANIFEST}", f"no {' and no '.join(sorted(missing))}")
    return entries


def _extract(archive: Path, opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> str:
    """Write one file, never more of it than its entry says."""
    target = folder / entry.filename
    target.parent.mkdir(exist_ok=True)
    digest, written = hashlib.sha256(), 0
    with opened.open(entry) as source, target.open("wb") as file:
        for chunk in chunks_of(source):
            written += len(chunk)
            if written > entry.file_size:
                raise FileError(archive, f"{entry.file_size} bytes in {entry.filename}", "more")
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _compare(archive: Path, folder: Path, hashes: Mapping[str, str]) -> None:
    """Compare every file with the manifest, and the bundles with what they say of themselves."""
    manifest = read_json(folder / MANIFEST, MAX_RECORD_BYTES)
    told = manifest.get("files") if isinstance(manifest, dict) and manifest.get("schema") == SCHEMA else None
    found = {name: sha256 for name, sha256 in hashes.items() if name != MANIFEST}
    if told != found:
        raise FileError(archive, f"the files and hashes of its {MANIFEST}", "others; copy the file again")
    bundles = load_ensemble(folder / ENSEMBLE)
    for bundle in (each for group in bundles.values() for each in group):
        name = f"{bundle.folder.name}/{WEIGHTS}"
        inside = bundle.folder.parent == folder
        if not inside or hashes.get(name) != bundle.record["sha256"]:
            raise FileError(archive, f"an {ENSEMBLE} of the bundles beside it", "one of other bundles")
