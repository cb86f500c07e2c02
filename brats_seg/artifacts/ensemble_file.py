"""``ensemble.yaml``: which bundles serve which pipeline."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from brats_seg.artifacts.bundles import (
    MAX_RECORD_BYTES,
    PIPELINES,
    Bundle,
    Pipeline,
    is_flat,
    load_bundles,
    read_limited,
)
from brats_seg.errors import UserError
from brats_seg.files import write_text

SCHEMA = 1


def write_ensemble(path: Path, bundles: Mapping[Pipeline, Sequence[Bundle]]) -> None:
    """Write ``ensemble.yaml``: which bundles serve which pipeline, by paths relative to the file."""
    home = path.absolute().parent
    entries: dict[str, Any] = {
        pipeline: [
            {"path": os.path.relpath(b.folder.absolute(), home), "sha256": b.sha256}
            for b in bundles.get(pipeline, ())
        ]
        for pipeline in PIPELINES
    }
    write_text(path, yaml.safe_dump({"schema": SCHEMA, **entries}, sort_keys=False))


def load_ensemble(path: Path) -> dict[Pipeline, list[Bundle]]:
    """Open every bundle that ``ensemble.yaml`` names.

    Raises:
        UserError: It is no such file, or a bundle is not there, is another one than was listed, or serves the other pipeline.
    """
    try:
        # Every scalar is text: no tag is interpreted, and a hash of digits stays one.
        entries = yaml.load(read_limited(path, MAX_RECORD_BYTES), yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise UserError(
            f"{path}: expected YAML, found something else ({' '.join(str(error).split())})"
        ) from error
    if (
        not isinstance(entries, dict)
        or entries.get("schema") != str(SCHEMA)
        or not set(entries) <= {"schema", *PIPELINES}
    ):
        raise UserError(f"{path}: expected schema: {SCHEMA}, a: [...], b: [...]")
    listed: dict[Pipeline, list[dict[str, str]]] = {
        pipeline: entries.get(pipeline) or [] for pipeline in PIPELINES
    }
    for group in listed.values():
        if not isinstance(group, list) or not all(is_flat(e) and set(e) == {"path", "sha256"} for e in group):
            raise UserError(f"{path}: expected lists of {{path: FOLDER, sha256: HASH}} for a and b")
        if odd := [entry["path"] for entry in group if not entry["path"].isprintable()]:
            raise UserError(f"{path}: expected paths of printable characters, found {odd[0]!a}")
    bundles = load_bundles(
        {pipeline: [path.parent / e["path"] for e in group] for pipeline, group in listed.items()}
    )
    for pipeline, opened in bundles.items():
        for bundle, entry in zip(opened, listed[pipeline], strict=True):
            if bundle.sha256 != entry["sha256"]:
                raise UserError(
                    f"{bundle.folder}: expected sha256 {entry['sha256']} as in {path}, found {bundle.sha256}"
                )
    return bundles
