"""``brats-seg COMMAND --help``: usage, examples, a table of keys. Covered by tests/cli/test_help.py."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace

from brats_seg.cli.described_keys import Key, describe, options_of

WIDEST_KEY, WIDEST_DEFAULT = 36, 22
"""Columns; what is longer has a line of its own, or is folded."""
NEEDED = "???"


def is_asked(arguments: Sequence[str]) -> bool:
    """Whether help is asked for."""
    return bool({"-h", "--help"} & set(arguments))


def show(command: str, arguments: Sequence[str]) -> str:
    """The help of a command, or of the groups of it that the arguments name.

    Args:
        command: As its file in ``conf/``.
        arguments: As typed; words without ``=`` and dashes are groups.

    Returns:
        Text at the terminal's width.
    """
    width = max(shutil.get_terminal_size().columns, 60)
    chosen = [word for word in arguments if "=" not in word and not word.startswith("-")]
    known = [group for group in chosen if options_of(group)]
    if known:
        return "\n\n".join(_group(group, width) for group in known)
    return _command(command, width)


def _command(command: str, width: int) -> str:
    described = describe(f"{command}.yaml")
    name = command.replace("_", "-")
    parts = [_wrapped(described.summary.replace("`", ""), width)]
    parts.append(f"usage: brats-seg {name} key=value ...\n")
    parts += [_wrapped(example, width, "  ") for example in described.examples]
    own = [key for key in described.keys if not key.name.startswith("hydra.")]
    head = Key("key", "default", "meaning, choices")
    parts += ["", _table([head, *(replace(key, default=_default(key)) for key in own)], width)]
    if described.groups:
        parts += ["", "Groups of keys, each from a file of your choice:", ""]
        parts.append(_table([_with_options(group) for group in described.groups], width))
        parts += ["", f"brats-seg {name} --help {described.groups[-1].name}: what is in a group."]
    else:
        parts.append("")
    parts.append(
        _wrapped(f"brats-seg {name} key=value ... --cfg job: the configuration that this makes.", width)
    )
    return "\n".join(parts)


def _group(group: str, width: int) -> str:
    """Every option of a group with its keys."""
    parts = []
    for option in options_of(group):
        described = describe(f"{group}/{option}.yaml")
        prefix = "" if described.is_global else f"{group}."
        keys = [replace(key, name=f"{prefix}{key.name}") for key in described.keys if key.name != "_target_"]
        parts.append(_wrapped(f"{group}={option}: {described.summary}", width))
        parts.append(_table(keys, width, "  ") if keys else "")
    return "\n".join(part for part in parts if part)


def _default(key: Key) -> str:
    """As it is written; what has none is needed, unless an experiment brings it."""
    if key.default != NEEDED:
        return key.default
    return "" if "the experiment says" in key.meaning else "(needed)"


def _with_options(group: Key) -> Key:
    """A group says its options where its comment does not."""
    options = [option for option in options_of(group.name) if option != "common"]
    told = " | ".join(options)
    meaning = group.meaning
    if len(options) > 1 and options[0] not in meaning:
        meaning = f"{told}: {meaning}" if meaning else told
    return replace(group, default=_default(group), meaning=meaning)


def _table(keys: Iterable[Key], width: int, indent: str = "") -> str:
    """Three columns, the last one folded."""
    rows = list(keys)
    names = min(max(len(key.name) for key in rows), WIDEST_KEY)
    defaults = min(max(len(key.default) for key in rows), WIDEST_DEFAULT)
    before = len(indent) + names + defaults + 4
    lines: list[str] = []
    for key in rows:
        default = textwrap.wrap(key.default, defaults) or [""]
        meaning = textwrap.wrap(key.meaning, max(width - before, 20), break_on_hyphens=False) or [""]
        name = key.name
        if len(name) > names:
            lines.append(f"{indent}{name}")
            name = ""
        for number in range(max(len(default), len(meaning))):
            cells = [cell[number] if number < len(cell) else "" for cell in ([name], default, meaning)]
            lines.append(f"{indent}{cells[0]:<{names}}  {cells[1]:<{defaults}}  {cells[2]}".rstrip())
    return "\n".join(lines)


def _wrapped(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text, width, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )
