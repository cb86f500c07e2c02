"""What is shown where nobody watches, and what is counted."""

from __future__ import annotations

import itertools
import sys
import threading

import pytest

from brats_seg import console
from brats_seg.console import count, progress_bar, signs_of_life


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
