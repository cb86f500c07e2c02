"""An ensemble with all its bundles as one zip file: hashed when packed, mistrusted when unpacked.

``ensemble.yaml``, ``manifest.json`` and per bundle a folder ``a0``, ``a1``, ``b0``, ... with its two
files. Covered by tests/artifacts/test_ensemble_archive.py.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from brats_seg.artifacts.bundle_record import MAX_RECORD_BYTES, RECORD
from brats_seg.artifacts.bundles import WEIGHTS, Bundle, Pipeline
from brats_seg.artifacts.ensemble_file import ensemble_text, load_ensemble
from brats_seg.artifacts.weights_file import MAX_BYTES
from brats_seg.errors import FileError, UserError, one_line
from brats_seg.files import open_regular, read_json, refuse_foreign, says, whole_file, whole_folder

SCHEMA = 1
ENSEMBLE, MANIFEST = "ensemble.yaml", "manifest.json"
NAME = re.compile(rf"{re.escape(ENSEMBLE)}|{re.escape(MANIFEST)}|[ab][0-9]{{1,3}}/({RECORD}|{WEIGHTS})")
"""Every name that an archive may hold: none leads out of its folder."""
MOST_FILES = 500
CHUNK_BYTES = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Date of every file in an archive, so that the same ensemble makes the same bytes."""
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, RuntimeError)
"""What zipfile raises for a damaged, encrypted or unusual archive."""


def pack_ensemble(
    bundles: Mapping[Pipeline, Sequence[Bundle]], output: Path, *, overwrite: bool = False
) -> str:
    """Write an ensemble with all its bundles as one file, whole or not at all.

    Args:
        bundles: Pipeline to its bundles.
        output: The zip file.
        overwrite: Replace a file that this function has not written.

    Returns:
        Its sha256.

    Raises:
        UserError: The weights of a bundle are not those that it speaks of, or the file cannot be written.
    """
    refuse_foreign({output: says("PK", ENSEMBLE)}, overwrite=overwrite)
    sources: dict[str, Path] = {}
    listed: dict[Pipeline, list[tuple[str, str]]] = {}
    for pipeline, group in bundles.items():
        for number, bundle in enumerate(group):
            folder = f"{pipeline}{number}"
            listed.setdefault(pipeline, []).append((folder, bundle.sha256))
            for name in (RECORD, WEIGHTS):
                sources[f"{folder}/{name}"] = bundle.folder / name
    with whole_file(output) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        hashes = {ENSEMBLE: _add_text(archive, ENSEMBLE, ensemble_text(listed))}
        for name, source in sources.items():
            hashes[name] = _add_file(archive, name, source)
        _refuse_other_weights(bundles, hashes)
        manifest = {"schema": SCHEMA, "files": hashes}
        _add_text(archive, MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return sha256_of(output)


def unpack_ensemble(archive: Path, output: Path, sha256: str | None = None) -> Path:
    """Unpack an archive of :func:`pack_ensemble`, after everything in it was compared with its hashes.

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
    if sha256 is not None and (found := sha256_of(archive)) != sha256.lower():
        raise FileError(archive, f"sha256 {sha256}", found)
    with whole_folder(output) as temporary:
        with open_regular(archive) as file, _explained(archive), zipfile.ZipFile(file) as opened:
            hashes = {}
            for entry in _entries(archive, opened):
                hashes[entry.filename] = _extract(archive, opened, entry, temporary)
        _compare(archive, temporary, hashes)
    return output / ENSEMBLE


def sha256_of(path: Path) -> str:
    """The sha256 of a regular file."""
    with open_regular(path) as file:
        return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()


def _add_text(archive: zipfile.ZipFile, name: str, text: str) -> str:
    data = text.encode()
    archive.writestr(_entry(name), data)
    return hashlib.sha256(data).hexdigest()


def _add_file(archive: zipfile.ZipFile, name: str, source: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(source) as file, archive.open(_entry(name), "w", force_zip64=True) as target:
        for chunk in _chunks(file):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_STORED  # weights do not get smaller
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


def _refuse_other_weights(bundles: Mapping[Pipeline, Sequence[Bundle]], hashes: Mapping[str, str]) -> None:
    for pipeline, group in bundles.items():
        for number, bundle in enumerate(group):
            for name, expected in ((RECORD, bundle.sha256), (WEIGHTS, bundle.record["sha256"])):
                found = hashes[f"{pipeline}{number}/{name}"]
                if found != expected:
                    remedy = f"{found}; copy the bundle again"
                    raise FileError(bundle.folder / name, f"sha256 {expected}", remedy)


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
        for chunk in _chunks(source):
            written += len(chunk)
            if written > entry.file_size:
                raise FileError(archive, f"{entry.file_size} bytes in {entry.filename}", "more")
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: source.read(CHUNK_BYTES), b"")


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
