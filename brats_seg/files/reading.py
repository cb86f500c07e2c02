"""Files of unknown origin: regular files only, of bounded size and depth, plain values only.

Covered by tests/test_files.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from brats_seg.errors import FileError

MAX_TEXT_BYTES = 64_000_000
"""The largest JSON or CSV file that is read: more than any list of cases takes."""
MAX_YAML_BYTES = 1_000_000
"""The largest YAML file that is read: more than any configuration takes; the parser needs a second for it."""
MAX_ELEMENTS = 2_000_000
"""The most values in one JSON file. An empty list takes 28 times the memory of its two brackets."""
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys; a new line and a tab may stand in a text."""
MAX_DEPTH = 50
"""How deeply the lists and mappings of a file may be nested."""


@contextlib.contextmanager
def open_regular(path: Path, most_bytes: int | None = None) -> Iterator[BinaryIO]:
    """Open a regular file to read bytes; a device or a FIFO, which could block for ever, is refused.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused; None: any size.

    Yields:
        The open file.

    Raises:
        FileError: There is no such file, it is of another kind, too large, or cannot be read.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise FileError(path, "a file", "a folder")
        if not stat.S_ISREG(status.st_mode):
            raise FileError(path, "a file", "something that is no regular file")
        if most_bytes is not None and status.st_size > most_bytes:
            raise FileError(path, f"at most {most_bytes} bytes", f"{status.st_size}")
        # Without waiting: it may have become a FIFO in between.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FileError(path, "a file", "something that is no regular file")
            yield file
    except FileNotFoundError:
        raise FileError(path, "a file", "none") from None
    except OSError as error:
        raise FileError(path, "a readable file", error.strerror or str(error)) from error


def read_bytes(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The bytes of a regular file.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused before it is read.

    Returns:
        All of the file.

    Raises:
        FileError: There is no such file, it is of another kind, too large, or cannot be read.
    """
    with open_regular(path, most_bytes) as file:
        expected = min(os.fstat(file.fileno()).st_size, most_bytes) + 1
        data = file.read(expected)  # takes as much memory as it is asked for
        if len(data) == expected:
            data += file.read(most_bytes + 1 - expected)
    if len(data) > most_bytes:  # it has grown, or its size was not told
        raise FileError(path, f"at most {most_bytes} bytes", "more")
    return data


def read_text(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text of a regular file of UTF-8 without control characters.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused before it is read.

    Returns:
        All of it.

    Raises:
        FileError: As :func:`read_bytes`, or it is no such text.
    """
    try:
        text = read_bytes(path, most_bytes).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(path, "text in UTF-8", f"something else ({error})") from error
    _refuse_control(path, text)
    return text


def _refuse_control(path: Path, text: str) -> None:
    found = CONTROL.search(text)
    if found is not None:
        raise FileError(path, "plain text", f"the control character {found[0]!a}")


def read_json(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> Any:
    """Plain values from a JSON file of bounded size and depth.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused.

    Returns:
        What the file holds.

    Raises:
        FileError: There is no such file, or it is not JSON, too large, too deeply nested or has too many
            values.
    """
    return parse_json(path, read_bytes(path, most_bytes))


def parse_json(path: Path, data: bytes) -> Any:
    """Plain values from the bytes of a JSON file.

    Args:
        path: Of the file, for the errors.
        data: All of it.

    Returns:
        What the file holds.

    Raises:
        FileError: The file is not JSON, is too deeply nested or has too many values.
    """
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_ELEMENTS:
        raise FileError(path, f"JSON of at most {MAX_ELEMENTS} values", "more")
    try:
        value = json.loads(data)
    except RecursionError:
        raise FileError(path, f"JSON of at most {MAX_DEPTH} levels", "more") from None
    except ValueError as error:  # bytes that are no text, too
        raise FileError(path, "JSON", f"something else ({error})") from error
    _refuse_deep_value(path, value)
    return value


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file that need not exist.

    Returns:
        The object; an empty one where there is no file, or it holds something else.
    """
    try:
        found = read_json(path)
    except FileError:
        return {}
    return found if isinstance(found, dict) else {}


def read_yaml(path: Path, most_bytes: int = MAX_YAML_BYTES, *, texts: bool = False) -> Any:
    """Plain values from a YAML file of bounded size and depth, without aliases.

    Args:
        path: Of the file.
        most_bytes: A larger file is refused.
        texts: Every scalar is text: no tag is interpreted, and a hash of digits stays one.

    Returns:
        What the file holds.

    Raises:
        FileError: There is no such file, or it is not YAML of plain values, too large, too deeply nested, or
            has aliases, by which a few bytes could stand for gigabytes.
    """
    data = read_bytes(path, most_bytes)
    try:
        text = data.decode("utf-8")
        _refuse_deep_yaml(path, text)
        value = yaml.load(text, yaml.BaseLoader if texts else yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        found = " ".join(str(error).split())
        raise FileError(path, "YAML of plain values", f"something else ({found})") from error
    except (LookupError, TypeError, AttributeError) as error:  # such as !!bool maybe, !!int "", !!timestamp x
        raise FileError(path, "YAML of plain values", "a value that is not what its tag says") from error
    _refuse_deep_value(path, value)
    return value


def _refuse_deep_value(path: Path, value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
                _refuse_control(path, " ".join(map(str, each)))
            elif isinstance(each, list):
                inner.extend(each)
            elif isinstance(each, str):
                _refuse_control(path, each)
        if not inner:
            return
        level = inner
    raise FileError(path, f"at most {MAX_DEPTH} levels", "more")


def _refuse_deep_yaml(path: Path, text: str) -> None:
    """Count the levels by the parser's events, which come one by one: its composer would recurse."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise FileError(path, "YAML without aliases", "one")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise FileError(path, f"YAML of at most {MAX_DEPTH} levels", "more")
