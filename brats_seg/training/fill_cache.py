"""Fill the cache where a person watches."""

from __future__ import annotations

import math
import time
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from brats_seg.console import count
from brats_seg.data import BraTSDataModule


def prepare_with_progress(data: BraTSDataModule, *, verify: bool = False, all_cases: bool = False) -> int:
    """Prepare the cases of the split (or all), with an estimate of disk and time first and a bar while it lasts.

    Returns:
        How many cases are ready.
    """
    columns = (TextColumn("preparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("prepare", total=None)
        began = time.perf_counter()

        def announce(cases: int, size: int) -> None:
            gb = max(size / 1e9, 0.1)
            console.print(
                f"{count(cases, 'case')} to prepare, up to {gb:.1f} GB in {data.home}", soft_wrap=True
            )

        def advance(done: int, total: int) -> None:
            if done == 1 and total > 1:
                seconds = (time.perf_counter() - began) * math.ceil(
                    (total - 1) / max(min(data.workers, total), 1)
                )
                console.print(f"about {timedelta(seconds=math.ceil(seconds))} for the others")
            bar.update(task, completed=done, total=total)

        ids = [case.id for case in data.cases] if all_cases else None
        data.prepare_cases(ids, verify=verify, announce=announce, progress=advance)
    return len(data.cases_ready)
