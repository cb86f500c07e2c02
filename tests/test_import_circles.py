"""The check that `make imports` runs finds the circles that there are."""

from __future__ import annotations

import runpy
from pathlib import Path

import grimp


def test_a_circle_is_found_and_shown() -> None:
    check = runpy.run_path(str(Path(__file__).with_name("import_circles.py")))
    graph = grimp.ImportGraph()
    for module in ("a", "b", "c", "d"):
        graph.add_module(module)
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")):
        graph.add_import(importer=importer, imported=imported)
    assert check["components"](graph) == [["a", "b", "c"]]
    assert check["circle"](graph, ["a", "b", "c"]) == ["a", "b", "c", "a"]
    graph.remove_import(importer="c", imported="a")
    assert check["components"](graph) == []
