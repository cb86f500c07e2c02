"""Many trainings by one command, each as if it were alone, and one table of how they ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from omegaconf import DictConfig
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console
from rich.table import Column, Table

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.runtime.processes import is_first_process
from brats_seg.workflows.out_of_fold import train_and_predict
from brats_seg.workflows.sweep_summary import record_summary

DONE, BEFORE, RESUMED, FAILED = "finished", "finished before", "resumed, finished", "failed"


@dataclass(frozen=True)
class Outcome:
    """How a training ended that has a bundle.

    Attributes:
        state: :data:`DONE`, :data:`BEFORE` or :data:`RESUMED`.
        seconds: Of this start.
        dice: Mean over regions and validation cases; None where none validates, and to processes after the first.
    """

    state: str
    seconds: float
    dice: float | None


def train_job(config: DictConfig) -> Outcome:
    """:func:`train_and_predict`, and what came of it.

    Raises:
        UserError: As it does.
    """
    folder, began = RunFolder.of(config), time.perf_counter()
    trained, begun = folder.finished, any(folder.checkpoints.glob("*.ckpt"))
    path, predicted = train_and_predict(config)
    rank_zero_only(print)(path, flush=True)
    state = (RESUMED if predicted else BEFORE) if trained else (RESUMED if begun else DONE)
    seconds = time.perf_counter() - began
    # Another process may be here before the first has written the bundle.
    scores = load_bundle(folder.bundle).record["scores"] if is_first_process(config) else {}
    return Outcome(state, seconds, scores.get("val/dice"))


def show(ended: Sequence[tuple[DictConfig, Outcome | str]]) -> None:
    """Print one table; record it where Weights & Biases is asked for.

    Args:
        ended: Configuration of each training, and its outcome or why it failed.
    """
    console = Console()
    console.print(_table(ended))
    states = [FAILED if isinstance(outcome, str) else outcome.state for _, outcome in ended]
    counts = ", ".join(
        f"{states.count(state)} {state}" for state in (DONE, RESUMED, BEFORE, FAILED) if state in states
    )
    again = "; the same command tries again what failed and skips the others" if FAILED in states else ""
    console.print(f"{len(ended)} trainings: {counts}{again}", highlight=False, soft_wrap=True)
    record_summary([config for config, _ in ended])


def _table(ended: Sequence[tuple[DictConfig, Outcome | str]]) -> Table:
    table = Table(Column("run", no_wrap=True), Column("result", no_wrap=True), "time", "Dice", "why")
    for config, outcome in ended:
        run = f"{config.name}/fold_{config.fold}"
        if isinstance(outcome, str):
            table.add_row(run, FAILED, "", "", outcome, style="red")
        else:
            dice = "" if outcome.dice is None else f"{outcome.dice:.3f}"
            minutes, seconds = divmod(round(outcome.seconds), 60)
            table.add_row(run, outcome.state, f"{minutes}:{seconds:02}", dice, "")
    return table
