"""What a room exports in its ``__init__`` is there, whatever has been imported before."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import brats_seg

PACKAGE = Path(brats_seg.__file__).parent
ROOMS = sorted(
    ".".join(path.parent.relative_to(PACKAGE.parent).parts)
    for path in PACKAGE.rglob("__init__.py")
    if "__all__" in path.read_text(encoding="utf-8")
)


def test_the_product_is_at_the_front() -> None:
    from brats_seg import Segmenter
    from brats_seg.inference import Segmenter as same

    assert Segmenter is same
    assert {"brats_seg.training", "brats_seg.inference", "brats_seg.evaluation"} <= set(ROOMS)


@pytest.mark.parametrize("name", ROOMS)
def test_every_exported_name_is_there_and_is_no_module(name: str) -> None:
    room = import_module(name)
    folder = Path(str(room.__file__)).parent
    for path in folder.glob("*.py"):
        # A function of the name of its module would be replaced by the module here.
        if path.stem not in ("__init__", "__main__"):
            import_module(f"{name}.{path.stem}")
    for exported in room.__all__:
        assert not isinstance(getattr(room, exported), ModuleType), exported
    with pytest.raises(AttributeError):
        _ = room.no_such_name


def test_the_front_imports_nothing_heavy() -> None:
    rooms = ", ".join(f"brats_seg.{room}" for room in ("inference", "training", "artifacts"))
    code = f"import sys, {rooms}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_type_checkers_see_the_same_names() -> None:
    for name in ROOMS:
        path = PACKAGE.parent.joinpath(*name.split("."), "__init__.py")
        seen: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                seen |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                seen.add(node.name)
            elif isinstance(node, ast.Assign):
                seen |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        assert set(import_module(name).__all__) <= seen, name
