"""Tables of text, as Markdown or for a terminal, a narrow one, too. Covered by tests/test_grids.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

SHORT_NAME = 8
"""Characters of words that stay in a table for which a terminal is too narrow."""


@dataclass(frozen=True)
class Grid:
    """A table of text; the first ``names`` columns are words, the others are short and never broken."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    names: int = 1

    def without_empty(self, name: str) -> Grid:
        """The table without a column of names in which nothing stands."""
        place = list(self.head).index(name)
        if any(line[place] for line in self.lines):
            return self
        lines = [[*line[:place], *line[place + 1 :]] for line in self.lines]
        return Grid(self.title, [*self.head[:place], *self.head[place + 1 :]], lines, self.names - 1)

    def markdown(self) -> str:
        """As Markdown, under a heading."""
        rule = ["---"] * self.names + ["--:"] * (len(self.head) - self.names)
        lines = [f"## {self.title}", ""]
        for cells in (self.head, rule, *self.lines):
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join([*lines, ""])

    def for_width(self, width: int) -> tuple[Grid, list[str]]:
        """The table as it is, or with numbers for names that would break within a line.

        Args:
            width: Columns of the terminal.

        Returns:
            The table, and a line for each number: none where it is as it is.
        """
        columns = [max(map(len, cells)) for cells in zip(self.head, *self.lines, strict=True)]
        long = [place for place in range(self.names) if columns[place] > SHORT_NAME]
        if sum(columns) + len(" │") * len(columns) <= width or not long:
            return self, []
        short = [place for place in range(len(columns)) if place not in long]
        numbers: dict[str, int] = {}
        lines = []
        for line in self.lines:
            name = ": ".join(line[place] for place in long if line[place]) or "-"
            number = numbers.setdefault(name, len(numbers) + 1)
            lines.append([str(number), *(line[place] for place in short)])
        head = ["No.", *(self.head[place] for place in short)]
        meanings = [f"{number}  {name}" for name, number in numbers.items()]
        return Grid(self.title, head, lines, 1 + self.names - len(long)), meanings

    def terminal(self) -> Table:
        """For a terminal."""
        table = Table(title=self.title, title_justify="left", title_style="bold")
        table.pad_edge, table.collapse_padding = False, True  # so the heads are whole on 80 columns
        for number, cells in enumerate(zip(self.head, *self.lines, strict=True)):
            long = number < self.names and max(map(len, cells)) > SHORT_NAME
            words = number < self.names or any(cell[:1].isalpha() for cell in cells[1:])
            table.add_column(
                cells[0], justify="left" if words else "right", overflow="fold", no_wrap=not long
            )
        for line in self.lines:
            table.add_row(*line)
        return table


def show_grid(console: Console, grid: Grid) -> None:
    """Print a table, and below it the names that it numbers because the terminal is too narrow for them.

    Args:
        console: The terminal.
        grid: The table.
    """
    table, numbered = grid.for_width(console.width)
    console.print(table.terminal())
    for line in numbered:
        console.print(line, highlight=False, soft_wrap=True)
    if numbered:
        console.print()
