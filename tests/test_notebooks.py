"""Notebooks are committed without outputs, and run from top to bottom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
DRAWS = ("plt.show()", "\noverview(", "box_plot(")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_without_outputs(path):
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_says_how_it_is_opened(path):
    first, *_ = json.loads(path.read_text())["cells"]
    assert f"jupyter lab notebooks/{path.name}`" in "".join(first["source"])


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_shows_every_picture(path, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("TMPDIR", str(tmp_path))  # what it writes goes with the test
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=500,
        startup_timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    written = [entry.name for entry in tmp_path.iterdir() if entry.is_dir() and entry.name.startswith("tmp")]
    assert written == []
    draws = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and any(call in cell.source for call in DRAWS)
    ]
    assert draws
    for cell in draws:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source
