"""What the tests of the command line share."""

from __future__ import annotations

import pytest


@pytest.fixture
def places_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that a command reads need not be there."""
    monkeypatch.setattr("brats_seg.cli.command.check_places", lambda config, name: None)
