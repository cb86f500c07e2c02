"""What the files of ``conf/`` say of their keys: default and meaning. Covered by tests/cli/test_help.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files

import yaml

ENTRY = re.compile(
    r"^(?P<indent> *)(?P<item>- )?(?P<key>[\w./@]+):(?P<value>(?:\s+[^#\s].*?)?)(?:\s+# (?P<comment>.*))?$"
)
GOES_ON = re.compile(r"^ {20,}# (.*)$")
NO_GROUPS = ("quiet", "_self_")


@dataclass(frozen=True)
class Key:
    """One key of a file.

    Attributes:
        name: Dotted.
        default: As it is written; empty where other keys lie below.
        meaning: The comment beside it.
    """

    name: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Described:
    """One file of ``conf/``.

    Attributes:
        summary: What its first comment says.
        examples: Commands in the comments behind it.
        groups: Group to its chosen option and what is said of it.
        keys: In the order of the file.
        is_global: Whether the file's keys lie at the root, as those of an experiment do.
    """

    summary: str
    examples: tuple[str, ...]
    groups: tuple[Key, ...]
    keys: tuple[Key, ...]
    is_global: bool


def describe(path: str) -> Described:
    """Read one file.

    Args:
        path: Below ``conf/``, such as ``predict.yaml`` or ``data/common.yaml``.
    """
    lines = files("brats_seg.conf").joinpath(path).read_text(encoding="utf-8").splitlines()
    comments = [line[2:] for line in lines if line.startswith("# ")]
    told = [line for line in comments if not line.startswith("@")]
    summary = [line for line in told if not line.startswith("  brats-seg")]
    examples = tuple(line.strip() for line in told if line.startswith("  brats-seg"))
    entries = list(_entries(lines))
    groups = tuple(key for key, is_group in entries if is_group and key.name not in NO_GROUPS)
    keys = tuple(key for key, is_group in entries if not is_group)
    return Described(" ".join(summary), examples, groups, keys, "@package _global_" in comments)


def options_of(group: str) -> list[str]:
    """The files of a group, without those that others build upon."""
    folder = files("brats_seg.conf").joinpath(group)
    if not folder.is_dir():
        return []
    names = [entry.name for entry in folder.iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def _entries(lines: list[str]) -> Iterator[tuple[Key, bool]]:
    """Each key, and whether it chooses an option of a group."""
    above: list[tuple[int, str]] = []
    last: list[tuple[Key, bool]] = []
    for line in lines:
        goes_on = GOES_ON.match(line)
        if goes_on and last:
            key, is_group = last.pop()
            last.append((replace(key, meaning=f"{key.meaning} {goes_on[1]}"), is_group))
            continue
        found = ENTRY.match(line)
        if found is None:
            continue
        yield from last
        depth = len(found["indent"])
        above = [(indent, name) for indent, name in above if indent < depth]
        is_group = found["item"] is not None
        parents = [] if is_group else [name for _, name in above]
        name = ".".join([*parents, found["key"]])
        last = [(each, is_group) for each in _keys(name, found["value"].strip(), found["comment"] or "")]
        above.append((depth, found["key"]))
        if name == "defaults":
            last = []
    yield from last


def _keys(name: str, value: str, meaning: str) -> Iterator[Key]:
    """One key, or those of ``{a: 1, b: 2}``, the first of which has the comment."""
    if value.startswith("{"):
        for inner, default in yaml.safe_load(value).items():
            yield Key(f"{name}.{inner}", str(default), meaning)
            meaning = ""
    elif value or meaning:
        yield Key(name, value, meaning)
