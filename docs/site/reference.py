"""The reference, made at build time: a page per command, group of ``conf/`` and package of the API."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import brats_seg
from brats_seg.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
READMES = {room: ROOT / "brats_seg" / room / "README.md" for room in ("inference", "preprocessing")}
PRIVATE = {"conf", "cli", "console", "grids", "parallel", "files", "terms", "runtime"} | {
    "__main__",
    "kinds",
    "lazy",
    "surroundings",
    "trusted",
}
"""Rooms that are no public API: the command line itself, and what the others share."""

CODE_WIDTH = 80
"""Characters of a command that a page shows without scrolling."""


@dataclass(frozen=True)
class Key:
    """One line of a YAML file."""

    name: str
    default: str
    meaning: str


def make() -> tuple[dict[str, str], list[Any]]:
    """Write every page.

    Returns:
        The text of each page by its path below docs/, and the navigation.
    """
    pages: dict[str, str] = {"reference/index.md": _front()}
    commands, groups, rooms = [], [], []
    for command in COMMANDS:
        path = f"reference/commands/{command}.md"
        pages[path] = _command_page(command)
        commands.append({command: path})
    for group in _groups():
        path = f"reference/configuration/{group.replace('/', '-')}.md"
        pages[path] = _group_page(group)
        groups.append({group: path})
    for room in _rooms():
        path = f"reference/api/{room}.md"
        pages[path] = _room_page(room)
        rooms.append({room: path})
    navigation = ["reference/index.md", {"Commands": commands}, {"Configuration": groups}, {"Python": rooms}]
    return pages, navigation


def page_of(path: str) -> str | None:
    """The page that shows a file of the repository, where there is one."""
    parts = Path(path).parts
    if parts[0] == "conf" and len(parts) > 2:
        return f"reference/configuration/{'-'.join(parts[1:-1])}.md"
    if parts[0] == "conf" and len(parts) == 2:
        return f"reference/commands/{Path(path).stem.replace('_', '-')}.md"
    if parts[0] == "brats_seg" and len(parts) > 1:
        return f"reference/api/{Path(parts[1]).stem}.md"
    return None


def _front() -> str:
    lines = [
        "# Reference",
        "",
        "Made from `conf/` and from the docstrings when this site is built.",
        "",
        "Every argument of a command is `key=value`. A default of `${other.key}` is the value of that key. "
        "A group (`group=option`) chooses a file of settings; its keys have their own page.",
        "",
        "| command | what it does |",
        "|---|---|",
    ]
    lines += [f"| [`{name}`](commands/{name}.md) | {does} |" for name, does in COMMANDS.items()]
    return "\n".join(lines)


def _command_page(command: str) -> str:
    file = CONF / f"{command.replace('-', '_')}.yaml"
    keys, groups, header = _read(file)
    examples = [line for line in header if line.startswith("brats-seg ")]
    words = [line for line in header if line not in examples]
    usage = [_code(line) for line in examples or [f"brats-seg {command} [key=value ...]"]]
    lines = [f"# {command}", "", _sentence(words), "", *usage, ""]
    if groups:
        rows = [_group_row(key) for key in groups]
        table = ["| group | default | options | |", "|---|---|---|---|", *rows]
        lines += ["## Groups", "", *_folding(table), ""]
    lines += ["## Keys", "", *_table(keys)]
    return "\n".join(lines)


def _code(command: str) -> str:
    """A command of a block, over several lines where the block would be wider than the page."""
    lines = textwrap.wrap(
        command, CODE_WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return "    " + " \\\n    ".join(lines)


def _group_row(key: Key) -> str:
    options = ", ".join(f"`{option}`" for option in _options(key.name))
    link = f"[`{key.name}`](../configuration/{key.name.replace('/', '-')}.md)"
    return f"| {link} | `{key.default}` | {options} | {_cell(key.meaning)} |"


def _group_page(group: str) -> str:
    lines = [f"# {group}", ""]
    for option in _options(group):
        file = CONF / group / f"{option}.yaml"
        keys, bases, header = _read(file, _package(file, group))
        lines += [f"## `{group}={option}`", "", _sentence(header), ""]
        if bases:
            based = ", ".join(_composed(group, key) for key in bases)
            lines += [f"Composed of {based} and:" if keys else f"Composed of {based}.", ""]
        if keys:
            lines += [*_table(keys), ""]
    return "\n".join(lines)


def _composed(group: str, key: Key) -> str:
    name = key.name.removeprefix("override ").removeprefix("/")
    return f"`{name}={key.default}`" if key.default else f"`{group}={name}`"


def _table(keys: list[Key]) -> list[str]:
    if not keys:
        return ["None."]
    rows = [f"| `{key.name}` | {_default(key.default)} | {_cell(key.meaning)} |" for key in keys]
    return _folding(["| key | default | meaning |", "|---|---|---|", *rows])


def _folding(table: list[str]) -> list[str]:
    """A table whose rows become paragraphs on a phone (site.css)."""
    return ['<div class="keys" markdown>', "", *table, "", "</div>"]


def _default(value: str) -> str:
    return "**required**" if value == "???" else f"`{_cell(value)}`" if value else ""


def _cell(text: str) -> str:
    return _with_paper(text.replace("|", "\\|").replace("<", "&lt;"))


def _with_paper(text: str) -> str:
    return text.replace("PAPER.md", "[the paper beside the code](../../paper.md)")


def _sentence(header: list[str]) -> str:
    """A file's first comment without the command that begins it."""
    text = re.sub(r"^`brats-seg [\w-]+`: ", "", " ".join(header))
    return _with_paper(text[:1].upper() + text[1:])


def _package(file: Path, group: str) -> str:
    """Where Hydra puts a group's keys: below its name, unless the file's first line says another place."""
    named = re.match(r"# @package (\S+)", file.read_text(encoding="utf-8"))
    place = named[1] if named else group.replace("/", ".")
    return "" if place == "_global_" else f"{place}."


def _read(file: Path, package: str = "") -> tuple[list[Key], list[Key], list[str]]:
    """A file's keys below a package, the groups of its defaults list, and its first comment."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    header = []
    for line in lines:
        if not line.startswith("#"):
            break
        if "@package" not in line:
            header.append(line.lstrip("# "))
    tree = yaml.compose(text)
    keys: list[Key] = []
    groups: list[Key] = []
    if isinstance(tree, yaml.MappingNode):
        for name, value in tree.value:
            if name.value == "defaults":
                groups = _defaults(value, lines)
            else:
                keys += _walk(f"{package}{name.value}", value, lines)
    return keys, groups, header


def _defaults(node: yaml.Node, lines: list[str]) -> list[Key]:
    """The groups of a defaults list with their options, and other files of the same group."""
    found = []
    for entry in node.value:
        comment = _comment(
            lines,
            entry.end_mark.line if entry.start_mark.line == entry.end_mark.line else entry.start_mark.line,
        )
        if isinstance(entry, yaml.MappingNode):
            name, value = entry.value[0]
            found.append(Key(name.value, value.value, comment))
        elif entry.value not in ("_self_", "quiet"):
            found.append(Key(entry.value, "", comment))
    return found


def _walk(name: str, node: yaml.Node, lines: list[str]) -> list[Key]:
    """A key, or the keys below it."""
    comment = _comment(lines, node.start_mark.line)
    if isinstance(node, yaml.MappingNode) and node.value:
        above = _comment(lines, node.start_mark.line - 1) if not node.flow_style else comment
        keys = [key for child, value in node.value for key in _walk(f"{name}.{child.value}", value, lines)]
        if above and not node.flow_style:
            keys.insert(0, Key(name, "", above))
        return keys
    source = lines[node.start_mark.line : node.end_mark.line + 1]
    value = node.value if isinstance(node, yaml.ScalarNode) else _flow(node, source)
    return [Key(name, "null" if value == "" else value, comment)]


def _flow(node: yaml.Node, source: list[str]) -> str:
    if node.start_mark.line == node.end_mark.line:
        return source[0][node.start_mark.column : node.end_mark.column]
    return str(yaml.safe_load("\n".join(source)))


def _comment(lines: list[str], number: int) -> str:
    found = re.search(r"\s#\s*(.*)$", lines[number]) if number >= 0 else None
    return found[1].strip() if found else ""


def _groups() -> list[str]:
    """Every folder of conf/ that holds options, but Hydra's own and ours together."""
    folders = {file.parent.relative_to(CONF).as_posix() for file in CONF.rglob("*/*.yaml")}
    return sorted(folders - {"."})


def _options(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def _rooms() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(brats_seg.__path__) if module.name not in PRIVATE]


def _room_page(room: str) -> str:
    """What a package exports; everything without an underscore, where it names no exports or is a module."""
    module = importlib.import_module(f"brats_seg.{room}")
    lines = [f"# brats_seg.{room}", "", inspect.cleandoc(module.__doc__ or ""), ""]
    exported = getattr(module, "__all__", None)
    if exported:
        lines += [f"::: {_where(module, name)}\n" for name in exported]
    elif hasattr(module, "__path__"):
        for inner in pkgutil.walk_packages(module.__path__, f"{module.__name__}."):
            if not inner.ispkg:
                lines += [f"::: {inner.name}\n    options: {{show_root_full_path: true}}\n"]
    else:
        lines += [
            f"::: brats_seg.{room}\n    options: {{show_root_heading: false, show_root_toc_entry: false}}\n"
        ]
    if room in READMES:
        lines += [READMES[room].read_text(encoding="utf-8").replace("\n# ", "\n## ").replace("# ", "## ", 1)]
    return "\n".join(lines)


def _where(module: Any, name: str) -> str:
    """Where an exported name is written: exports may be lazy, which no reader of the source can follow."""
    value = getattr(module, name)
    if inspect.ismodule(value):
        return value.__name__
    home = getattr(value, "__module__", None)
    return f"{home}.{name}" if str(home).startswith("brats_seg.") else f"{module.__name__}.{name}"
