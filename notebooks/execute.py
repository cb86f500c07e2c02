"""Runs the notebooks and keeps their outputs, small and the same wherever they run: ``make notebooks``.

Of a cell is kept what it shows and what it prints, but for the lines that tell how a training goes and how
long it takes. Pictures become PNG of at most 256 colours, and the temporary folder is called WORK.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = Path(__file__).parent
COLOURS = 256
WIDTH = 1000
"""Pixels: wider pictures are scaled down."""
WIDTHS = ("COLUMNS", "JUPYTER_COLUMNS")
"""Variables of the shell that would make tables narrower."""
PASSING = re.compile(r"s/epoch|, \d+(\.\d+)? s, |left$|cores?,|to prepare|^about ")
"""Lines of a training or a prediction that differ from run to run."""
TRAINS = "train_and_predict("
"""A cell with it prints a table per fold: the tables behind say the same, and more."""


def execute(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook from top to bottom.

    Args:
        path: Of the notebook, which is left as it is.
        folder: Where it runs.

    Returns:
        The notebook with its outputs, cleaned.
    """
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        notebook, timeout=500, startup_timeout=300, kernel_name="python3", resources=place
    )
    client.execute(env={name: value for name, value in os.environ.items() if name not in WIDTHS})
    clean(notebook)
    return notebook


def clean(notebook: nbformat.NotebookNode) -> None:
    """Leave of the outputs what a reader wants and what is the same in the next run."""
    for key in list(notebook.metadata):
        if key not in ("kernelspec", "language_info"):
            del notebook.metadata[key]
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            found = [cleaned(output) for output in cell.outputs]
            trains = TRAINS in cell.source
            cell.outputs = [each for each in found if each is not None and not (trains and is_table(each))]


def is_table(output: Any) -> bool:
    """Whether rich drew it."""
    return "text/html" in output.get("data", {})


def cleaned(output: Any) -> Any:
    """An output without what passes; None where nothing is left of it."""
    if output.output_type == "stream":
        lines = [line for line in output.text.splitlines() if not PASSING.search(line)]
        output.text = without_paths("\n".join(lines))
        return output if output.name == "stdout" and output.text.strip() else None
    data = output.get("data", {})
    for kind, value in data.items():
        data[kind] = small(value) if kind == "image/png" else without_paths(value)
    output.get("metadata", {}).clear()
    return output


def without_paths(text: str) -> str:
    """The temporary folder by another name."""
    temporary = re.escape(os.environ.get("TMPDIR", tempfile.gettempdir()))
    return re.sub(rf"{temporary}/tmp\w+", "WORK", text)


def small(png: str) -> str:
    """A picture of few colours, in base64."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    picture.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode() + "\n"


def main() -> None:
    """Run each of them, and replace its outputs."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder:
            notebook = execute(path, Path(folder))
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
