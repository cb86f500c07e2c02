"""Tables that a command printed, read back."""

from __future__ import annotations


def cells_of(said: str) -> list[list[str]]:
    """The rows of all tables in an output, without their heads."""
    lines = [line for line in said.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def read_results(said: str) -> dict[str, str]:
    """Run and fold to result, from a sweep's last table, with or without what differs."""
    rows = cells_of(said.rpartition("\nTrainings ")[2])
    return {f"{run}/fold_{fold}": result for run, *_, fold, result, _, _ in rows}
