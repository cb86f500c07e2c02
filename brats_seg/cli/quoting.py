"""Values of the command line as they were typed, before Hydra's grammar reads them.

A folder may be called ``Müller``, ``O'Neil``, ``a&b`` or ``1e5``: texts are quoted.
Covered by tests/cli/test_quoting.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from brats_seg.cli.annotations import LISTS, fields_of, is_text, unwrapped, value_kind
from brats_seg.cli.schemas import schema_of

KEY = re.compile(r"(\+{0,2}[\w./@-]+)=(.+)", re.DOTALL)
MULTIRUN = {"-m", "--multirun"}
SWEEP = re.compile(r"\w+\(.*\)", re.DOTALL)
"""``choice(a,b)``, ``glob(*)``: where several values are asked for."""
CLOSING = {"[": "]", "{": "}", "(": ")"}


def quoted(command: str, arguments: Sequence[str]) -> list[str]:
    """The arguments with every text in quotes that Hydra would read otherwise.

    Args:
        command: As its file in ``conf/`` is named.
        arguments: As typed.

    Returns:
        As Hydra takes them; what cannot be meant as text is left to its errors.
    """
    several = bool(MULTIRUN & set(arguments))
    return [_quoted_argument(command, argument, several=several) for argument in arguments]


def _quoted_argument(command: str, argument: str, *, several: bool) -> str:
    match = KEY.fullmatch(argument)
    if match is None:
        return argument
    key, value = match.groups()
    kind = _kind(command, key.lstrip("+"))
    is_list = value.startswith("[") and value.endswith("]")
    if is_text(kind) or (_takes_texts(kind) and not is_list):
        wanted = _several_texts(value) if several else _text(value)
    elif _takes_texts(kind) and is_list:
        wanted = f"[{','.join(map(_text, _split(value[1:-1])))}]"
    elif _read(argument) is not None:
        return argument  # of another kind, which Hydra reads
    elif is_list:
        wanted = f"[{','.join(map(_text, _split(value[1:-1])))}]"
    else:
        wanted = _text(value)
    made = f"{key}={wanted}"
    return argument if _read(made) is None else made


def _kind(command: str, key: str) -> Any:
    """The annotation of a key in the schema of a command; ``Any`` where that does not know."""
    kind: Any = schema_of(command)
    for name in key.split("."):
        fields = fields_of(kind)
        kind = fields.get(name, Any) if fields else value_kind(kind)
    return kind


def _takes_texts(kind: Any) -> bool:
    """Whether a kind, or a member of a union of them, is a list of texts."""
    bare, _ = unwrapped(kind)
    members = get_args(bare) if get_origin(bare) not in LISTS else (bare,)
    return any(get_origin(each) in LISTS and str in get_args(each) for each in members)


def _several_texts(value: str) -> str:
    """The values of a sweep over texts."""
    return value if SWEEP.fullmatch(value) else ",".join(map(_text, _split(value)))


def _text(value: str) -> str:
    """One text in quotes, where Hydra would not read just this text."""
    inside = value[1:-1]
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return f"{value[0]}{_without_interpolation(inside)}{value[0]}"
    if value == "null" or ("${" in value and not os.path.lexists(value) and _read(f"x={value}") is not None):
        return value
    if value[:1] in CLOSING and _read(f"x={value}") is not None:
        return value  # a list or a mapping, to be refused as such
    if "${" not in value and _read(f"x={value}") == value:
        return value
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', value)
    ending = re.search(r"\\*$", escaped)
    return f'"{_without_interpolation(escaped)}{ending[0] if ending else ""}"'


def _without_interpolation(text: str) -> str:
    return re.sub(r"(?<!\\)\$\{", r"\\${", text)


def _read(argument: str) -> Any:
    """What Hydra reads; None where it cannot."""
    try:
        override = OverridesParser.create().parse_override(argument)
        return override if override.is_sweep_override() else override.value()
    except HydraException:
        return None


def _split(values: str) -> Iterator[str]:
    """The values between commas that are in no quotes and no brackets."""
    open_brackets: list[str] = []
    quote, start = "", 0
    for place, letter in enumerate(values):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"" and not values[start:place].strip():
            quote = letter  # in the middle of a value it is an apostrophe
        elif letter in CLOSING:
            open_brackets.append(CLOSING[letter])
        elif open_brackets and letter == open_brackets[-1]:
            open_brackets.pop()
        elif letter == "," and not open_brackets:
            yield values[start:place].strip()
            start = place + 1
    if values[start:].strip():
        yield values[start:].strip()
