"""One table of how many trainings ended, each started as if it were alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from rich.table import Column, Table

from brats_seg.artifacts.run_names import what_differs
from brats_seg.console import table_console
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
    told = what_differs([_plain(config) for config, _ in ended])
    head = [Column("run", overflow="fold"), Column("result", no_wrap=True)]
    if any(told):
        head.append(Column("what differs", overflow="fold"))
    table = Table(*head, "time", "Dice", Column("why", overflow="fold"))
    counted: Counter[str] = Counter()
    for (config, outcome), differs in zip(ended, told, strict=True):
        run = f"{config.name}/fold_{config.fold}"
        own = [differs] if any(told) else []
        if isinstance(outcome, str):
            counted[FAILED] += 1
            table.add_row(run, FAILED, *own, "", "", outcome, style="red")
            continue
        counted[outcome.state] += 1
        dice = "" if outcome.dice is None else f"{outcome.dice:.3f}"
        minutes, seconds = divmod(round(outcome.seconds), 60)
        table.add_row(run, outcome.state, *own, f"{minutes}:{seconds:02}", dice, "")
    console = table_console()
    console.print(table)
    counts = ", ".join(f"{counted[state]} {state}" for state in STATES if state in counted)
    again = "; the same command tries again what failed and skips the others" if FAILED in counted else ""
    console.print(f"{len(ended)} trainings: {counts}{again}", highlight=False, soft_wrap=True)
    record_summary([config for config, _ in ended])


def _plain(config: DictConfig) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
