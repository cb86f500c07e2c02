"""JSON and YAML of unknown origin: of bounded size and depth, plain values only.

Covered by tests/test_files.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from brats_seg.errors import FileError, one_line, printable
from brats_seg.files.reading import MAX_TEXT_BYTES, read_bytes, refuse_control

MAX_YAML_BYTES = 1_000_000
"""The largest YAML file that is read: more than any configuration takes; the parser needs a second for it."""
MAX_ELEMENTS = 2_000_000
"""The most values in one JSON file. An empty list takes 28 times the memory of its two brackets."""
MAX_DEPTH = 50
"""How deeply the lists and mappings of a file may be nested."""


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
        value = json.loads(data, object_pairs_hook=_each_key_once)
    except RecursionError:
        raise FileError(path, f"JSON of at most {MAX_DEPTH} levels", "more") from None
    except ValueError as error:  # bytes that are no text, too
        raise FileError(path, "JSON", f"something else ({error})") from error
    _refuse_deep_value(path, value)
    return value


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON leaves open which of two equal keys counts, so that nobody could see what was taken."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {printable(name[:80])} twice")
        found[name] = value
    return found


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
        found = one_line(error)
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
                refuse_control(path, " ".join(map(str, each)))
            elif isinstance(each, list):
                inner.extend(each)
            elif isinstance(each, str):
                refuse_control(path, each)
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
