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


class _Clock:
    """Says once how long the other cases will take, from those that are done.

    Args:
        workers: Processes. Their first cases also wait until they have begun, and come all at once.
    """

    def __init__(self, workers: int) -> None:
        self.alone = workers < 2
        self.skipped = 0 if self.alone else workers
        self.timed = 1 if self.alone else 2 * workers
        self.began = 0.0

    def start(self) -> None:
        """The preparation begins."""
        self.began = time.perf_counter()

    def estimate(self, done: int, total: int) -> str | None:
        """A line, at the one moment when enough is known and something is left to wait for.

        Args:
            done: Cases.
            total: Cases.
        """
        now = time.perf_counter()
        if done == self.skipped:
            self.began = now
        left = total - done
        if done != self.skipped + self.timed or not left:
            return None
        seconds = math.ceil((now - self.began) / self.timed * left)
        return f"about {timedelta(seconds=seconds)} for the other {left}"


def prepare_with_progress(data: BraTSDataModule, *, verify: bool = False, all_cases: bool = False) -> int:
    """Prepare the cases of a data module; print an estimate of disk and time, and show a bar while it lasts.

    Args:
        data: Knows its cases.
        verify: Recompute the checksum of every file that is in the cache, too.
        all_cases: Every labelled case, not only those of the split.

    Returns:
        How many cases are ready.
    """
    clock = _Clock(data.workers)
    with ExitStack() as bar:
        step = None

        def announce(cases: int, size_bytes: int, home: Path) -> None:
            nonlocal step
            bar.close()  # of the cases before, where unlabelled ones follow
            step = None
            clock.start()
            gigabytes = max(size_bytes / 1e9, 0.1)
            print(f"{count(cases, 'case')} to prepare, up to {gigabytes:.1f} GB in {home}", flush=True)

        def advance(done: int, total: int) -> None:
            nonlocal step
            if step is None:
                step = bar.enter_context(progress_bar("preparing", total))
            step()
            if line := clock.estimate(done, total):
                print(line, flush=True)

        ids = [case.id for case in data.cases] if all_cases else None
        data.prepare_cases(ids, verify=verify, announce=announce, progress=advance)
    for line in data.remarks():
        rank_zero_only(print)(line, flush=True)
    return len(data.cases_ready)
