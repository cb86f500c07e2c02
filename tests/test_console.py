"""What is shown where nobody watches, and what is counted."""

from __future__ import annotations

import pytest

from brats_seg.console import count, progress_bar


def test_numbers_have_their_noun() -> None:
    assert [count(number, "case") for number in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]


def test_no_bar_where_nobody_watches(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bar("scoring", 2) as advance:
        advance()
        advance()
    assert capfd.readouterr() == ("", "")
