"""Tables whose names are numbered where a terminal is too narrow for them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from brats_seg.grids import Grid


@pytest.mark.parametrize("room", [0, 1])
def test_names_stay_in_a_table_that_has_room_for_them(room: int) -> None:
    grid = Grid("T", ("Experiment", "Dice"), [["pipeline_a", "0.5"], ["pipeline_b_longer", "0.25"]])
    console = Console(width=80, file=io.StringIO())
    console.print(grid.terminal())
    width = max(map(len, console.file.getvalue().splitlines()))
    table, numbered = grid.for_width(width - 1 + room)
    assert (table is grid) == bool(room)
    assert numbered == ([] if room else ["1  pipeline_a", "2  pipeline_b_longer"])


def test_short_names_stay_however_narrow_the_terminal_is() -> None:
    grid = Grid("T", ("Experiment", "Dice"), [["a", "0.5"]])
    short = Grid("T", ("Run", "Dice"), [["a", "0.5"]])
    assert short.for_width(5) == (short, [])
    assert grid.for_width(5)[1] == ["1  a"]


def test_a_run_that_differs_in_nothing_has_a_name_below_the_table() -> None:
    grid = Grid(
        "T", ("Run", "What differs", "Dice"), [["a", "", "0.5"], ["a", "seed=1 and 1 more", "0.25"]], 2
    )
    assert grid.for_width(20)[1] == ["1  -", "2  seed=1 and 1 more"]
