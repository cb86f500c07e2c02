"""One table of how many trainings ended, each started as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from brats_seg.artifacts.run_names import WHAT_DIFFERS, what_differs
from brats_seg.console import table_console
from brats_seg.grids import Grid, show_grid
from brats_seg.training.run import FINISHED, FINISHED_BEFORE, RESUMED
from brats_seg.workflows.out_of_fold import Outcome
from brats_seg.workflows.sweep_summary import record_summary

FAILED = "failed"
STATES = (FINISHED, RESUMED, FINISHED_BEFORE, FAILED)
"""In the order of the last line."""
HEAD = ("Run", WHAT_DIFFERS, "Fold", "Result", "Time", "Dice")


def show_outcomes(ended: Sequence[tuple[DictConfig, Outcome | str]]) -> None:
    """Print one table of a sweep, and why a training failed; record it if Weights & Biases is asked for.

    Args:
        ended: Configuration of each training, and its outcome or why it failed.
    """
    told = what_differs([_plain(config) for config, _ in ended])
    lines, failures = [], []
    for (config, outcome), differs in zip(ended, told, strict=True):
        result = [FAILED, "", ""]
        if isinstance(outcome, str):
            failures.append(f"{config.name}/fold_{config.fold} failed: {outcome}")
        else:
            minutes, seconds = divmod(round(outcome.seconds), 60)
            dice = "" if outcome.dice is None else f"{outcome.dice:.3f}"
            result = [outcome.state, f"{minutes}:{seconds:02}", dice]
        lines.append([config.name, differs, str(config.fold), *result])
    console = table_console()
    show_grid(console, Grid("Trainings", HEAD, lines, 2).without_empty(WHAT_DIFFERS))
    for failure in failures:
        console.print(failure, style="red", highlight=False, soft_wrap=True)
    states = [FAILED if isinstance(outcome, str) else outcome.state for _, outcome in ended]
    counts = ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states)
    again = "; the same command tries again what failed and skips the others" if failures else ""
    console.print(f"{len(ended)} trainings: {counts}{again}", highlight=False, soft_wrap=True)
    record_summary([config for config, _ in ended])


def _plain(config: DictConfig) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
