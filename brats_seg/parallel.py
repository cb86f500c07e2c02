"""The same work on many items, in this process or in others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from brats_seg.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """Do the work on every item, in order.

    Args:
        work: Where there are processes it must be importable by name, as its arguments must.
        items: In any number.
        workers: Processes; below 2, or for one item, this process works.

    Yields:
        The results, in the order of the items.

    Raises:
        UserError: A process died.
    """
    if workers < 2 or len(items) < 2:
        yield from map(work, items)
        return
    try:
        # Spawned, not forked: the threads of torch and isal do not survive a fork.
        with ProcessPoolExecutor(min(workers, len(items)), mp_context=get_context("spawn")) as pool:
            yield from pool.map(work, items)
    except BrokenProcessPool as error:
        raise UserError("a process died, probably for lack of memory; try fewer workers") from error
