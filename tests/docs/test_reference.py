"""The generated pages hold every key of ``conf/`` with its default and its comment."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from brats_seg.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_reference", ROOT / "docs" / "site" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def leaves(tree: Any, prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{name}.")
        elif name != "defaults":
            yield f"{prefix}{name}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_page_has_every_key(reference, command):
    page = reference._command_page(command)
    settings = yaml.safe_load((ROOT / "conf" / f"{command.replace('-', '_')}.yaml").read_text())
    assert [key for key in leaves(settings) if f"| `{key}` |" not in page] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_page_has_its_examples_in_a_block(reference, command):
    lines = reference._command_page(command).splitlines()
    assert any(line.startswith(f"    brats-seg {command}") for line in lines)
    assert not any("brats-seg" in line for line in lines[:3])
    assert not any(line.startswith("    ") and len(line) > 90 for line in lines)


def test_every_group_has_a_page_with_every_key(reference):
    for group in reference._groups():
        page = reference._group_page(group)
        for path in (ROOT / "conf" / group).glob("*.yaml"):
            package = reference._package(path, group)
            keys = [f"{package}{key}" for key in leaves(yaml.safe_load(path.read_text()) or {})]
            assert [key for key in keys if f"| `{key}` |" not in page] == [], path


def test_default_and_comment(reference, tmp_path):
    file = tmp_path / "command.yaml"
    file.write_text(
        "# `brats-seg command`: what it does.\n"
        "defaults:\n  - quiet\n  - scale: paper  # how large\n  - _self_\n"
        "needed: ???  # a | b\n"
        "group:  # several\n  one: [1, 2]\n  two: null\n"
        "inline: {cases: 2}  # how many\n"
    )
    keys, groups, header = reference._read(file)
    assert [(key.name, key.default, key.meaning) for key in keys] == [
        ("needed", "???", "a | b"),
        ("group", "", "several"),
        ("group.one", "[1, 2]", ""),
        ("group.two", "null", ""),
        ("inline.cases", "2", "how many"),
    ]
    assert [(group.name, group.default, group.meaning) for group in groups] == [
        ("scale", "paper", "how large")
    ]
    assert reference._sentence(header) == "What it does."
