"""The same work on many items, in this process or in others."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from multiprocessing.process import BaseProcess
from typing import TypeVar

from brats_seg.errors import UserError
from brats_seg.surroundings import draw_as_delivered, is_drawn_as_delivered

Item = TypeVar("Item")
Result = TypeVar("Result")
WATCH_SECONDS = 1.0
"""How long a process may outlive the one that started it."""


def each(work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """Do the work on every item, in order.

    Args:
        work: Where there are processes it must be importable by name, as its arguments must.
        items: In any number.
        workers: Processes; below 2, or for one item, this process works, as it does where the system has no
            room for what processes share.

    Yields:
        The results, in the order of the items.

    Raises:
        UserError: A process died.
    """
    pool = _pool(min(workers, len(items)))
    if pool is None:
        yield from map(work, items)
        return
    others, started = set(active_children()), set[BaseProcess]()
    futures: list[Future[Result]] = []
    try:
        with pool:
            try:
                with _without_interruption():  # processes inherit it: Ctrl-C is for this one alone
                    futures = [pool.submit(work, item) for item in items][::-1]
                    started = set(active_children()) - others
                while futures:
                    yield futures.pop().result()
            except KeyboardInterrupt:
                for process in started:
                    process.kill()
                raise
            except BaseException:
                for future in futures:
                    future.cancel()
                raise
    except BrokenProcessPool as error:
        raise UserError(_why_it_died(started)) from error


def _why_it_died(started: Iterable[BaseProcess]) -> str:
    """From the exit codes: the pool itself ends the processes that are left by SIGTERM."""
    codes = [process.exitcode or 0 for process in started]
    if max(codes, default=0) > 0:
        return f"a process died (exit code {max(codes)}): see above what it said"
    return "a process died, probably for lack of memory; try fewer workers"


def end_with(parent: int) -> None:
    """End this process soon after the one that started it, which a signal may have ended.

    Args:
        parent: Its number.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _begin(parent: int) -> None:
    """Before a process does anything else."""
    end_with(parent)
    if is_drawn_as_delivered():
        draw_as_delivered()


def _pool(workers: int) -> ProcessPoolExecutor | None:
    if workers < 2:
        return None
    try:
        # Spawned, not forked: the threads of torch and isal do not survive a fork.
        context = get_context("spawn")
        return ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(os.getpid(),))
    except (OSError, ImportError, NotImplementedError) as error:  # such as without /dev/shm
        print(f"no further processes can be had ({error}): this one does the work", file=sys.stderr)
        return None


@contextlib.contextmanager
def _without_interruption() -> Iterator[None]:
    """Keep Ctrl-C back; it comes afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
