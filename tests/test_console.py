"""What is shown where nobody watches, and what is counted."""

from __future__ import annotations

import contextlib
import io
import itertools
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console

from brats_seg import console
from brats_seg.console import Estimate, count, followed, live_line, progress_bar, signs_of_life


def test_numbers_have_their_noun() -> None:
    assert [count(number, "case") for number in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]


def test_no_bar_where_nobody_watches(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bar("scoring", 2) as advance:
        advance()
        advance()
    assert capfd.readouterr() == ("", "")


class Clock(threading.Event):
    """Half a minute passes three times; then time stands still until the work is done."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 3
        self.waited: list[float | None] = []
        self.passed = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        if self.left:
            self.left -= 1
            return False
        self.passed.set()
        return super().wait(20)


def test_every_half_minute_a_log_says_what_is_being_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, views = Clock(), itertools.count(1)
    passed = clock.passed
    monkeypatch.setattr(console, "new_event", lambda: clock)
    with signs_of_life(lambda: f"view {next(views)}"):
        assert passed.wait(20)
    assert capsys.readouterr().out.splitlines() == ["view 1", "view 2", "view 3"]
    assert set(clock.waited) == {30.0}


def test_a_terminal_needs_no_signs_of_life(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with signs_of_life(lambda: "view"):
        pass
    assert capsys.readouterr().out == ""


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds."""
    now = [0.0]
    monkeypatch.setattr(console, "clock", lambda: now[0])
    return now


def test_an_estimate_begins_with_what_is_usual_and_follows_this_machine(at: list[float]) -> None:
    estimate = Estimate(100.0)
    assert str(estimate) == "about 0:01:40 left"
    at[0] = 30.0
    assert estimate.seconds == 70.0
    at[0] = 50.0
    estimate.done(25.0)  # half as fast as usual
    assert estimate.seconds == 150.0
    estimate.expect(10.0)  # most of it was there from before
    assert estimate.seconds == 20.0
    at[0] += 500.0
    assert estimate.seconds == 0.0


def test_no_estimate_before_anything_is_known(at: list[float]) -> None:
    estimate = Estimate()
    estimate.expect(4.0)
    assert str(estimate) == "no estimate yet"
    at[0] = 7.0
    estimate.done(1.0)
    assert str(estimate) == "about 0:00:21 left"


def test_what_is_kept_from_before_says_nothing_of_the_pace(at: list[float]) -> None:
    estimate = Estimate(100.0)
    estimate.expect(20.0)
    assert estimate.seconds == 20.0


def test_items_that_are_followed_are_counted(
    at: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    @contextlib.contextmanager
    def telling(words: Callable[[], str]) -> Iterator[None]:
        said.append(words())
        yield
        said.append(words())

    monkeypatch.setattr(console, "live_line", telling)
    with followed("abc", 3, "pages") as letters:
        for _ in letters:
            at[0] += 10.0
    assert said == ["pages: 0 of 3 done, no estimate yet", "pages: 3 of 3 done, about 0:00:00 left"]


def test_a_live_line_on_a_terminal_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, width=80)
    monkeypatch.setattr(console, "plain_console", lambda: terminal)
    with live_line(lambda: "view [3] of 16"):
        terminal.print("a line")
    assert "view [3] of 16" in shown.getvalue()
    assert shown.getvalue().rstrip().endswith("\x1b[2K")  # erased


def test_a_live_line_in_a_log_is_a_sign_of_life(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(console, "new_event", lambda: clock)
    with live_line(lambda: "view 3"):
        assert clock.passed.wait(20)
    assert capsys.readouterr().out.splitlines() == ["view 3"] * 3
