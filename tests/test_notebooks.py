"""Notebooks are committed with the small outputs that they make, which tell nothing of who ran them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
DRAWS = ("plt.show()", "\noverview(", "box_plot(")
LARGEST_BYTES = 500_000
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e-?\d+)?( \(\d+ of \d+\))?")
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def shown(cell: Any) -> list[tuple[str, str]]:
    """Kind and text of each output; numbers differ between processors, and what is drawn of them."""
    found = []
    for output in cell["outputs"]:
        for kind, value in sorted(output.get("data", {"stream": output.get("text")}).items()):
            text = "" if kind.startswith("image/") else "".join(value)
            found.append((kind, "a table" if "┏" in text else NUMBER.sub("#", text)))
    return found


@each_notebook
def test_committed_with_small_outputs(path):
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert path.stat().st_size < LARGEST_BYTES
    for cell in cells:
        draws = any(call in "".join(cell["source"]) for call in DRAWS)
        assert any(kind == "image/png" for kind, _ in shown(cell)) == draws
        for _, text in shown(cell):
            assert not re.search(r"/(tmp|home|root|Users|work)/|s/epoch|Error", text), text


@each_notebook
def test_says_how_it_is_opened(path):
    first, *_ = json.loads(path.read_text())["cells"]
    assert f"jupyter lab notebooks/{path.name}`" in "".join(first["source"])


@pytest.mark.slow
@each_notebook
def test_the_outputs_are_those_of_a_run_that_leaves_nothing(path, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    from execute import execute

    monkeypatch.setenv("TMPDIR", str(tmp_path))  # what it writes goes with the test
    again = execute(path, tmp_path)
    written = [entry.name for entry in tmp_path.iterdir() if entry.is_dir() and entry.name.startswith("tmp")]
    assert written == []
    cells = [cell for cell in again.cells if cell.cell_type == "code"]
    assert [shown(cell) for cell in cells] == [shown(cell) for cell in code_cells(path)]
    sys.modules.pop("execute")
