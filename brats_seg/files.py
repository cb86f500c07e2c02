"""Files and folders that appear whole or not at all, and JSON and YAML of others read within bounds."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from brats_seg.errors import FileError, UserError

MAX_TEXT_BYTES = 64_000_000
"""The largest JSON or YAML file that is read: more than any list of cases takes."""
MAX_DEPTH = 50
"""How deeply lists and mappings of a file may be nested."""


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, delete it on failure.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".tmp-", suffix="".join(path.suffixes[-2:]), dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; it takes the place of ``path`` on success, and goes on failure."""
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".tmp-", dir=path.parent))
        try:
            yield temporary
            os.chmod(temporary, 0o777 & ~_umask())
            shutil.rmtree(path, ignore_errors=True)
            os.replace(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON whole or not at all."""
    write_text(path, json.dumps(value, indent=2, sort_keys=False) + "\n")


def read_bytes(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The bytes of a regular file.

    Args:
        path: Any; a device or a FIFO, which could block for ever, is refused.
        most_bytes: A larger file is refused before it is read.

    Returns:
        All of the file.

    Raises:
        FileError: There is no such file, it is of another kind, too large, or cannot be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise FileError(
                path,
                "a file",
                "a folder" if stat.S_ISDIR(found.st_mode) else "something that is no regular file",
            )
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise FileError(path, "a file", "none") from None
    except (OSError, ValueError) as error:
        raise FileError(path, "a readable file", str(getattr(error, "strerror", None) or error)) from error
    if len(data) > most_bytes:
        raise FileError(path, f"at most {most_bytes} bytes", "more")
    return data


def read_json(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> Any:
    """Plain values from a JSON file of bounded size and depth.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused.

    Returns:
        What the file holds.

    Raises:
        FileError: There is no such file, or it is not JSON, too large or too deeply nested.
    """
    data = read_bytes(path, most_bytes)
    try:
        value = json.loads(data)
    except RecursionError:
        raise FileError(path, f"JSON of at most {MAX_DEPTH} levels", "more") from None
    except ValueError as error:  # text that is not UTF-8, too
        raise FileError(path, "JSON", f"something else ({error})") from error
    _refuse_depth(path, value)
    return value


def read_yaml(path: Path, most_bytes: int = MAX_TEXT_BYTES, *, texts: bool = False) -> Any:
    """Plain values from a YAML file of bounded size and depth, without aliases.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused.
        texts: Every scalar is text: no tag is interpreted, and a hash of digits stays one.

    Returns:
        What the file holds.

    Raises:
        FileError: There is no such file, or it is not YAML of plain values, too large, too deeply nested, or has aliases,
            by which a few bytes could stand for gigabytes.
    """
    data = read_bytes(path, most_bytes)
    try:
        text = data.decode("utf-8")
        _refuse_nested_yaml(path, text)
        return yaml.load(text, yaml.BaseLoader if texts else yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise FileError(
            path, "YAML of plain values", f"something else ({' '.join(str(error).split())})"
        ) from error


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file that need not be there.

    Args:
        path: Of the file.

    Returns:
        The object; an empty one where there is no file, or it holds something else.
    """
    try:
        found = read_json(path)
    except FileError:
        return {}
    return found if isinstance(found, dict) else {}


def _refuse_depth(path: Path, value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = [each for each in level if isinstance(each, dict | list)]
        if not inner:
            return
        level = []
        for each in inner:
            level += each.values() if isinstance(each, dict) else each
    raise FileError(path, f"at most {MAX_DEPTH} levels", "more")


def _refuse_nested_yaml(path: Path, text: str) -> None:
    """By events, which the parser makes one by one: its composer would recurse."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise FileError(path, "YAML without aliases", "one")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise FileError(path, f"YAML of at most {MAX_DEPTH} levels", "more")


def distinct_names(folders: Sequence[Path], key: str = "predictions") -> list[str]:
    """The last parts of the paths, as many as it takes to tell them apart, joined by ``-``.

    Args:
        folders: Any.
        key: Where they were given, for the error.

    Raises:
        UserError: A folder is given twice.
    """
    parts = [folder.resolve().parts[1:] for folder in folders]
    if len(set(parts)) < len(parts):
        raise UserError(f"{key}: the same folder is given twice")
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["-".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise AssertionError(parts)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; choose another folder or free the disk"
        ) from error
