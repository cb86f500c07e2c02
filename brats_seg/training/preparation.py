"""Fill the cache where a person watches."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from brats_seg.data import BraTSDataModule
from brats_seg.preprocessing.cache import disk_estimate_bytes


def prepare_with_progress(data: BraTSDataModule, *, verify: bool = False, all_cases: bool = False) -> int:
    """Prepare the cases of the split (or all), with an estimate first and a bar while it lasts.

    Returns:
        How many cases are ready.
    """
    columns = (TextColumn("preparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("prepare", total=None)

        def advance(done: int, total: int) -> None:
            if done == 1 and total > 1:
                bar.print(
                    f"{total} cases to prepare, up to {disk_estimate_bytes(total, (155, 240, 240)) / 1e9:.1f} GB in {data.home}"
                )
            bar.update(task, completed=done, total=total)

        data.prepare_cases([case.id for case in data.cases] if all_cases else None, verify=verify, progress=advance)
    return len(data.cases_ready)
