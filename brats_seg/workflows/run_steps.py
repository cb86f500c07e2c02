"""Run the steps of a reproduction, or show what running them would do.

Covered by tests/workflows/test_reproduction.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.console import count, plain_console
from brats_seg.workflows.paper_steps import is_predicted
from brats_seg.workflows.steps import Step

Run = Callable[[Sequence[str]], None]
"""Runs one command: its name and overrides."""
console = plain_console()


def run_steps(steps: Sequence[Step], run: Run) -> bool:
    """Run the first step that is not done and all after it.

    Args:
        steps: In their order.
        run: Runs one command.

    Returns:
        Whether there was nothing to run.
    """
    everything_done = True
    for number, (step, skip) in enumerate(_with_skips(steps), 1):
        everything_done = everything_done and skip
        console.print(f"{number}/{len(steps)} {step.title}{': done before' if skip else ''}", style="bold")
        console.print(step.line, highlight=False, markup=False, soft_wrap=True)
        if not skip:
            began = time.perf_counter()
            run(step.command)
            console.print(f"{step.title}: {time.perf_counter() - began:.0f} s", style="bold")
    return everything_done


def show_steps(steps: Sequence[Step]) -> None:
    """Print the steps, which of them are done, and how long the trainings that are left will take.

    Args:
        steps: In their order.
    """
    for number, (step, skip) in enumerate(_with_skips(steps), 1):
        state = "done before" if skip else _time_left(step, steps)
        console.print(f"{number}/{len(steps)} {step.title}: {state}", style="bold")
        console.print(step.line, highlight=False, markup=False, soft_wrap=True)


def _with_skips(steps: Sequence[Step]) -> Iterator[tuple[Step, bool]]:
    """Each step, and whether it is skipped: it and all before it are done, or it is done once for all."""
    all_done = True
    for step in steps:
        done = step.done()
        all_done = all_done and done
        yield step, all_done or (step.once and done)


def _time_left(step: Step, steps: Sequence[Step]) -> str:
    """What is to do; its time by the trainings that have ended here, of this experiment if there are any."""
    left = [folder for folder in step.folds if not is_predicted(folder)]
    if not left:
        return "to do"
    others = [folder for each in steps for folder in each.folds]
    seconds = _seconds_of(step.folds) or _seconds_of(others)
    told = f"to do, {count(len(left), 'training')} of {len(step.folds)}"
    if not seconds:
        return f"{told}; its time is known once one has ended"
    mean = sum(seconds) / len(seconds)
    return f"{told}, about {timedelta(seconds=round(mean * len(left)))} one after the other"


def _seconds_of(folders: Sequence[RunFolder]) -> list[float]:
    """Of the trainings that have ended, each with what was predicted afterwards."""
    found = []
    for folder in folders:
        took = folder.status.get("seconds_this_start") if folder.finished else None
        if isinstance(took, int | float):
            found.append(float(took))
    return found
