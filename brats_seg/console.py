"""What a person sees: a progress bar, a sign of life, numbers with their noun.

Covered by tests/test_console.py.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

WIDE = 240
"""Columns where nobody's window ends."""
QUIET_SECONDS = 30.0
"""How long a log may be without a new line before people think that nothing happens."""


def count(number: int, thing: str) -> str:
    """A number and its noun.

    Args:
        number: How many.
        thing: The noun, singular.

    Returns:
        Such as "1 case" or "2 cases".

    >>> count(2, "case")
    '2 cases'
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def plain_console(**options: Any) -> Console:
    """A terminal that shows text as it is: brackets in a name are no markup, colons no emoji.

    Args:
        **options: Of rich's console.
    """
    return Console(markup=False, emoji=False, **options)


def table_console() -> Console:
    """A terminal for tables: as wide as it is, and in a file or pipe as wide as their lines."""
    console = plain_console()
    return console if console.is_terminal or "COLUMNS" in os.environ else plain_console(width=WIDE)


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error where that is a terminal.

    Args:
        title: What is being done, such as "scoring".
        total: How many items.

    Yields:
        What to call after each item.
    """
    console = plain_console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


new_event = threading.Event
"""Whose `wait` is the clock of :func:`signs_of_life`."""


@contextmanager
def signs_of_life(words: Callable[[], str]) -> Iterator[None]:
    """Inside, print a line every half minute where standard output is no terminal.

    Args:
        words: What is being done at that moment.
    """
    if sys.stdout.isatty():
        yield
        return
    ended = new_event()

    def tell() -> None:
        while not ended.wait(QUIET_SECONDS):
            print(words(), flush=True)

    thread = threading.Thread(target=tell, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
