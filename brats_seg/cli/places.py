"""Files and folders that are not there are told before anything heavy is imported."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, get_args, get_origin

from omegaconf import DictConfig, OmegaConf

from brats_seg.cli.annotations import fields_of
from brats_seg.cli.schemas import schema_of
from brats_seg.errors import UserError
from brats_seg.kinds import Exists


def check_places(config: DictConfig, command: str) -> None:
    """Look for every file and folder that the command reads, as its schema says.

    Args:
        config: Of the command, resolved.
        command: As its file in ``conf/``.

    Raises:
        UserError: One line for each that is not there.
    """
    missing = []
    for key in _keys(schema_of(command), ""):
        value = OmegaConf.select(config, key)
        paths = [value] if isinstance(value, str) else value or []
        missing += _missing(key, paths)
    if missing:
        raise UserError("\n".join(missing))


def _missing(key: str, paths: Sequence[str]) -> list[str]:
    """A line for each path that is not there, with the remedy where a comma or a star is the reason."""
    lines: list[str] = []
    whole = _cut_at_commas(paths)
    if whole is not None:
        return [f"{key}={whole}: a path with a comma needs quotes of its own: '{key}=[\"{whole}\"]'"]
    for path in paths:
        if not _is_there(path):
            remedy = "; shells fill in no * behind a key: write its name" if "*" in path else ""
            lines.append(f"{key}={path}: there is no such file or folder{remedy}")
    return lines


def _cut_at_commas(paths: Sequence[str]) -> str | None:
    """The path that is there and was read as several, as names of runs may be (`b-seed=1,scale=small`)."""
    if all(map(_is_there, paths)):
        return None
    for start, end in itertools.combinations(range(len(paths) + 1), 2):
        whole = ",".join(paths[start:end])
        if end - start > 1 and _is_there(whole):
            return whole
    return None


def _is_there(path: str) -> bool:
    return os.path.lexists(path)


def _keys(kind: Any, prefix: str) -> Iterator[str]:
    """The dotted keys whose kind has the mark."""
    for name, each in fields_of(kind).items():
        if get_origin(each) is Annotated and any(isinstance(mark, Exists) for mark in get_args(each)):
            yield f"{prefix}{name}"
        else:
            yield from _keys(each, f"{prefix}{name}.")
