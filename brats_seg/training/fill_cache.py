"""Fill the cache, with an estimate first and a bar where a person watches."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from pytorch_lightning.utilities import rank_zero_only

from brats_seg.console import count, progress_bar
from brats_seg.data import BraTSDataModule


def prepare_with_progress(data: BraTSDataModule, *, verify: bool = False, all_cases: bool = False) -> int:
    """Prepare the cases of a data module; print an estimate of disk and time, and show a bar while it lasts.

    Args:
        data: Knows its cases.
        verify: Recompute the checksum of every file that is in the cache, too.
        all_cases: Every labelled case, not only those of the split.

    Returns:
        How many cases are ready.
    """
    began = time.perf_counter()
    with ExitStack() as bar:
        step = None

        def announce(cases: int, size_bytes: int, home: Path) -> None:
            nonlocal began, step
            bar.close()  # of the cases before, where unlabelled ones follow
            began, step = time.perf_counter(), None
            gigabytes = max(size_bytes / 1e9, 0.1)
            print(f"{count(cases, 'case')} to prepare, up to {gigabytes:.1f} GB in {home}", flush=True)

        def advance(done: int, total: int) -> None:
            nonlocal step
            if step is None:  # the first case is done: how long it took says how long the others will
                if total > 1:
                    rounds = math.ceil((total - 1) / max(min(data.workers, total), 1))
                    seconds = math.ceil((time.perf_counter() - began) * rounds)
                    print(f"about {timedelta(seconds=seconds)} for the others", flush=True)
                step = bar.enter_context(progress_bar("preparing", total))
            step()

        ids = [case.id for case in data.cases] if all_cases else None
        data.prepare_cases(ids, verify=verify, announce=announce, progress=advance)
    for line in data.remarks():
        rank_zero_only(print)(line, flush=True)
    return len(data.cases_ready)
