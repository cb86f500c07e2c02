"""``ensemble.yaml``: which bundles serve which pipeline. Covered by tests/artifacts/test_bundles.py."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from brats_seg.artifacts.bundle_record import is_flat
from brats_seg.artifacts.bundles import PIPELINES, Bundle, Pipeline, load_bundles
from brats_seg.errors import FileError, UserError
from brats_seg.files import read_yaml, write_text

SCHEMA = 1
Folders = Sequence[str | Path] | str | Path
"""Of bundles, or the folder of one."""


def open_bundles(
    a: Folders = (),
    b: Folders = (),
    ensemble: str | Path | None = None,
    trust: Sequence[str] | str = (),
) -> dict[Pipeline, list[Bundle]]:
    """Open the bundles of one or both pipelines, from their folders or from an ensemble file.

    Args:
        a: Folders of the bundles of pipeline A, or the folder of one.
        b: Folders of the bundles of pipeline B, or the folder of one.
        ensemble: An ``ensemble.yaml``, instead of both.
        trust: Packages whose code may be run, where a bundle holds a network or a normalisation of them.

    Returns:
        Pipeline to its bundles, without a pipeline that has none.

    Raises:
        UserError: None is given, or both ways are; one serves the other pipeline, cannot be used, or needs
            code of a package that is not trusted.
    """
    if ensemble is None:
        bundles = load_bundles({"a": _paths(a), "b": _paths(b)}, trust)
    elif a or b:
        raise UserError(f"ensemble={ensemble} names its bundles: leave bundles.a and bundles.b out")
    else:
        bundles = load_ensemble(Path(ensemble), trust)
    for group in bundles.values():
        for bundle in group:
            bundle.refuse_untrusted()
    return bundles


def _paths(folders: Folders) -> list[Path]:
    if isinstance(folders, str | Path):
        folders = [folders]
    return [Path(folder) for folder in folders]


def write_ensemble(path: Path, bundles: Mapping[Pipeline, Sequence[Bundle]]) -> None:
    """Write ``ensemble.yaml``; the paths in it are relative to the file.

    Args:
        path: Of the file.
        bundles: Pipeline to its bundles.
    """
    home = path.absolute().parent
    listed: dict[Pipeline, list[tuple[str, str]]] = {}
    for pipeline, group in bundles.items():
        listed[pipeline] = []
        for bundle in group:
            place = os.path.relpath(bundle.folder.absolute(), home)
            listed[pipeline].append((place, bundle.sha256))
    write_text(path, ensemble_text(listed))


def ensemble_text(listed: Mapping[Pipeline, Sequence[tuple[str, str]]]) -> str:
    """The text of an ``ensemble.yaml``.

    Args:
        listed: Pipeline to the path and the hash of each of its bundles.

    Returns:
        YAML.
    """
    entries: dict[str, Any] = {"schema": SCHEMA}
    for pipeline in PIPELINES:
        entries[pipeline] = []
        for place, sha256 in listed.get(pipeline, ()):
            entries[pipeline].append({"path": place, "sha256": sha256})
    return yaml.safe_dump(entries, sort_keys=False)


def load_ensemble(path: Path, trust: Sequence[str] | str = ()) -> dict[Pipeline, list[Bundle]]:
    """Open every bundle that ``ensemble.yaml`` names.

    Args:
        path: Of the file.
        trust: Packages whose code may be run.

    Returns:
        Pipeline to its bundles.

    Raises:
        UserError: It is no such file, or a bundle is not there, is another one than was listed, or serves the
            other pipeline.
    """
    listed = _read_entries(path)
    folders: dict[Pipeline, list[Path]] = {}
    for pipeline, group in listed.items():
        folders[pipeline] = [path.parent / entry["path"] for entry in group]
    bundles = load_bundles(folders, trust)
    for pipeline, opened in bundles.items():
        for bundle, entry in zip(opened, listed[pipeline], strict=True):
            if bundle.sha256 != entry["sha256"]:
                expected = f"sha256 {entry['sha256']} as in {path}"
                raise FileError(bundle.folder, expected, bundle.sha256)
    return bundles


def _read_entries(path: Path) -> dict[Pipeline, list[dict[str, str]]]:
    entries = read_yaml(path, texts=True)
    if not isinstance(entries, dict) or entries.get("schema") != str(SCHEMA):
        raise FileError(path, f"schema: {SCHEMA}, a: [...], b: [...]", "something else")
    if not set(entries) <= {"schema", *PIPELINES}:
        raise FileError(path, f"schema: {SCHEMA}, a: [...], b: [...]", "another key")
    listed: dict[Pipeline, list[dict[str, str]]] = {}
    for pipeline in PIPELINES:
        listed[pipeline] = entries.get(pipeline) or []
        _refuse_other_entries(path, listed[pipeline])
    return listed


def _refuse_other_entries(path: Path, group: Any) -> None:
    expected = "lists of {path: FOLDER, sha256: HASH} for a and b"
    if not isinstance(group, list):
        raise FileError(path, expected, "something else")
    for entry in group:
        if not (is_flat(entry) and set(entry) == {"path", "sha256"}):
            raise FileError(path, expected, "something else")
        if not entry["path"].isprintable():
            raise FileError(path, "paths of printable characters", f"{entry['path']!a}")
