"""One table of how many trainings ended, each started as if it were alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from omegaconf import DictConfig
from rich.table import Column, Table

from brats_seg.console import plain_console
from brats_seg.training.run import FINISHED, FINISHED_BEFORE, RESUMED
from brats_seg.workflows.out_of_fold import Outcome
from brats_seg.workflows.sweep_summary import record_summary

FAILED = "failed"
STATES = (FINISHED, RESUMED, FINISHED_BEFORE, FAILED)
"""In the order of the last line."""


def show_outcomes(ended: Sequence[tuple[DictConfig, Outcome | str]]) -> None:
    """Print one table of a sweep; record it if Weights & Biases is asked for.

    Args:
        ended: Configuration of each training, and its outcome or why it failed.
    """
    table = Table(Column("run", no_wrap=True), Column("result", no_wrap=True), "time", "Dice", "why")
    counted: Counter[str] = Counter()
    for config, outcome in ended:
        run = f"{config.name}/fold_{config.fold}"
        if isinstance(outcome, str):
            counted[FAILED] += 1
            table.add_row(run, FAILED, "", "", outcome, style="red")
            continue
        counted[outcome.state] += 1
        dice = "" if outcome.dice is None else f"{outcome.dice:.3f}"
        minutes, seconds = divmod(round(outcome.seconds), 60)
        table.add_row(run, outcome.state, f"{minutes}:{seconds:02}", dice, "")
    console = plain_console()
    console.print(table)
    counts = ", ".join(f"{counted[state]} {state}" for state in STATES if state in counted)
    again = "; the same command tries again what failed and skips the others" if FAILED in counted else ""
    console.print(f"{len(ended)} trainings: {counts}{again}", highlight=False, soft_wrap=True)
    record_summary([config for config, _ in ended])
