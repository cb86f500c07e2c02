"""What a person sees: a bar, a sign of life, numbers with their noun. Covered by tests/test_console.py."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

Item = TypeVar("Item")
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


def say(line: str) -> None:
    """Print a line now: a log shows what is being done, not what was done when it ends."""
    print(line, flush=True)


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


@contextmanager
def live_line(words: Callable[[], str]) -> Iterator[None]:
    """Inside, show what is being done at the moment: below everything else where standard output is a
    terminal, in a line of its own every half minute where it is none.

    Args:
        words: What is being done at that moment.
    """
    console = plain_console()
    if not console.is_terminal:
        with signs_of_life(words):
            yield
        return
    options: dict[str, Any] = {"refresh_per_second": 2, "transient": True}
    with Live(get_renderable=lambda: Text(words()), console=console, **options):
        yield


clock = time.monotonic


class Estimate:
    """How long work will still take: by what such work usually takes, and by what this machine took so far.

    Args:
        usual_s: Seconds that all of it takes elsewhere; None: that is not known, and there is no estimate
            before the first part is done.
    """

    def __init__(self, usual_s: float | None = None) -> None:
        self.known = usual_s is not None
        self.left_s, self.done_s, self.took_s = usual_s or 0.0, 0.0, 0.0
        self.since = clock()

    def expect(self, usual_s: float) -> None:
        """Say what is left from now on.

        Args:
            usual_s: Seconds that it takes elsewhere; any unit where they are not known.
        """
        self.left_s, self.since = usual_s, clock()

    def done(self, usual_s: float) -> None:
        """Say that what was done since the last call is finished.

        Args:
            usual_s: What it takes elsewhere, as for :meth:`expect`.
        """
        self.done_s, self.took_s = self.done_s + usual_s, self.took_s + clock() - self.since
        self.expect(max(self.left_s - usual_s, 0.0))

    @property
    def seconds(self) -> float | None:
        """How long it will still take; None: nothing tells it yet."""
        if not (self.known or self.done_s):
            return None
        pace = self.took_s / self.done_s if self.done_s else 1.0
        return max(self.left_s * pace - (clock() - self.since), 0.0)

    def __str__(self) -> str:
        """Such as "about 0:02:10 left"."""
        seconds = self.seconds
        return "no estimate yet" if seconds is None else f"about {timedelta(seconds=round(seconds))} left"


@contextmanager
def followed(items: Iterable[Item], total: int, doing: str) -> Iterator[Iterator[Item]]:
    """The items one by one; a live line shows how many are done, and how long the others will take.

    Args:
        items: In any number.
        total: How many they probably are.
        doing: What is being done with them, such as "report: pages".

    Yields:
        The items.
    """
    estimate, done = Estimate(), 0
    estimate.expect(total)

    def counted() -> Iterator[Item]:
        nonlocal done
        for item in items:
            yield item
            done += 1
            estimate.done(1)

    with live_line(lambda: f"{doing}: {done} of {max(total, done)} done, {estimate}"):
        yield counted()
