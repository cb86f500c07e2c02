"""An ensemble with all its bundles as one zip file; :mod:`brats_seg.artifacts.unpack_archive` opens it.

``ensemble.yaml``, ``manifest.json`` and per bundle a folder ``a0``, ``a1``, ``b0``, ... with its two
files. Covered by tests/artifacts/test_ensemble_archive.py.
"""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from brats_seg.artifacts.bundle_record import RECORD
from brats_seg.artifacts.bundles import WEIGHTS, Bundle, Pipeline
from brats_seg.artifacts.ensemble_file import ensemble_text
from brats_seg.errors import FileError
from brats_seg.files import file_sha256, open_regular, refuse_foreign, says, whole_file

SCHEMA = 1
ENSEMBLE, MANIFEST = "ensemble.yaml", "manifest.json"
CHUNK_BYTES = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Date of every file in an archive, so that the same ensemble makes the same bytes."""


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
    return file_sha256(output)


def _add_text(archive: zipfile.ZipFile, name: str, text: str) -> str:
    data = text.encode()
    archive.writestr(_entry(name), data)
    return hashlib.sha256(data).hexdigest()


def _add_file(archive: zipfile.ZipFile, name: str, source: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(source) as file, archive.open(_entry(name), "w", force_zip64=True) as target:
        for chunk in chunks_of(file):
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


def chunks_of(source: IO[bytes]) -> Iterator[bytes]:
    """All of a file, in pieces of at most :data:`CHUNK_BYTES`."""
    return iter(lambda: source.read(CHUNK_BYTES), b"")
