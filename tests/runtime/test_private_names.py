"""Only ``runtime`` touches private names of Lightning, Hydra, OmegaConf, submitit or wandb."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import brats_seg

PACKAGE = Path(brats_seg.__file__).parent
OTHERS = (
    "hydra",
    "hydra_plugins",
    "joblib",
    "lightning_fabric",
    "omegaconf",
    "pytorch_lightning",
    "submitit",
    "wandb",
)
PUBLIC = {"_asdict", "_fields", "_make", "_replace", "_is_view"}
"""Of namedtuples; of tensors: torch has no other question for whether a tensor is a view."""


def is_private(name: str) -> bool:
    """Names with an underscore at both ends, such as ``_target_``, are keys of a configuration."""
    return name.startswith("_") and not name.startswith("__") and not name.endswith("_")


def own_names(tree: ast.AST) -> set[str]:
    """Everything that a file defines or assigns, as an attribute too."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names


def private_names(source: str) -> Iterator[str]:
    """Private modules and names of :data:`OTHERS` that a file imports, patches or reads from an object."""
    tree = ast.parse(source)
    own = own_names(tree) | PUBLIC
    for node in ast.walk(tree):
        paths: list[str] = []
        if isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            paths = [node.value]  # as unittest.mock.patch takes it
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            yield f"line {node.lineno}: {ast.unparse(node)}"
        for path in paths:
            package, *inner = path.split(".")
            if package in OTHERS and any(is_private(part) for part in inner):
                yield f"line {node.lineno}: {path}"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "source",
    [
        "from hydra._internal.utils import run_and_report",
        "import pytorch_lightning.utilities._pytree",
        "patch('hydra._internal.utils.run_and_report', keep)",
        "trainer._signal_connector.register_signal_handlers()",
        "class Tracker(WandbLogger):\n    def start(self):\n        self._wandb_init.update(id=1)",
    ],
)
def test_a_private_name_is_noticed(source: str) -> None:
    assert len(list(private_names(source))) == 1


def test_no_other_room_uses_private_names() -> None:
    found: list[str] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.parent != PACKAGE / "runtime":
            for name in private_names(file.read_text(encoding="utf-8")):
                found.append(f"{file.relative_to(PACKAGE)}: {name}")
    assert found == []
