"""Every module has a test file of its name at its place, or says in its first lines which test covers it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import brats_seg

PACKAGE = Path(brats_seg.__file__).parent
TESTS = Path(__file__).parent


def test_every_module_has_its_test() -> None:
    without: list[str] = []
    for module in sorted(PACKAGE.rglob("*.py")):
        place = module.relative_to(PACKAGE)
        says = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
        mirrored = TESTS / place.with_name(f"test_{place.name}")
        if not place.name.startswith("__") and not mirrored.exists() and "Covered by" not in says:
            without.append(place.as_posix())
    assert without == []


def test_what_modules_say_of_their_tests_exists() -> None:
    gone: list[str] = []
    for module in sorted(PACKAGE.rglob("*.py")):
        says = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
        for word in says.partition("Covered by")[2].split():
            path = word.strip("`,.;:()").removesuffix(".py") + ".py"
            if word.startswith("tests/") and ".py" in word and not (TESTS.parent / path).exists():
                gone.append(f"{module.relative_to(PACKAGE)}: {word}")
    assert gone == []


def test_what_pages_say_of_files_of_the_repository_exists() -> None:
    root, gone = TESTS.parent, []
    for page in (root / "README.md", root / "CHANGELOG.md", *sorted((root / "docs").rglob("*.md"))):
        for named in re.findall(r"\b(?:tests|benchmarks|docs)/[\w/-]+\.(?:py|md)\b", page.read_text()):
            if not (root / named).exists():
                gone.append(f"{page.relative_to(root)}: {named}")
    assert gone == []


def test_examples_of_docstrings_are_run(pytestconfig: pytest.Config) -> None:
    run = [TESTS.parent / path for path in pytestconfig.getini("testpaths")]
    forgotten: list[str] = []
    for module in sorted(PACKAGE.rglob("*.py")):
        is_run = any(module.is_relative_to(path) for path in run)
        if "\n    >>> " in module.read_text(encoding="utf-8") and not is_run:
            forgotten.append(str(module.relative_to(PACKAGE)))
    assert forgotten == []


def test_modules_are_under_200_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert [str(path.relative_to(PACKAGE)) for path, length in lengths.items() if length >= 200] == []
