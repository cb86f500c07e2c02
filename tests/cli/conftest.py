"""What the tests of the command line share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from brats_seg.data.store import place
from brats_seg.files import locked
from tests.cli import whole as made
from tests.cli.forked import import_everything

IN_MEMORY = Path("/dev/shm")
NEEDED_BYTES = 500_000_000
"""Free bytes that it must have; a copy takes 12 million, and each process of xdist has one."""


@pytest.fixture
def places_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that a command reads need not be there."""
    monkeypatch.setattr("brats_seg.cli.command.check_places", lambda config, name: None)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the commands read, made once for all processes of this run of pytest."""
    import_everything()
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "whole"
    with locked(folder.with_suffix(".lock"), remedy="tests need a disk with locks"):
        if not folder.exists():
            made.make(own / "making")
            (own / "making").rename(folder)
    return folder


@pytest.fixture
def copy(whole: Path) -> Iterator[Path]:
    """A copy, so that one trial leaves nothing to the next; in memory where there is room."""
    roomy = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > NEEDED_BYTES
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if roomy else None, ignore_cleanup_errors=True) as parent:
        folder = Path(parent, "copy")
        shutil.copytree(whole, folder)
        (prepared,) = (folder / "cache").iterdir()
        prepared.rename(place(str(folder / "cache"), (folder / "cohort").resolve()))
        yield folder
