"""Killed, or on a full disk, each command that writes leaves whole files only; the same command goes on."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from brats_seg.cli.main import COMMANDS
from tests.cli import whole as made
from tests.cli.forked import run
from tests.cli.test_replaced_inputs import succeeded
from tests.cli.whole import NO_OUTPUTS, OF_SCANS, OUTPUTS


def fill_disk() -> None:
    """There is no room for the next file."""

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    os.fsync = full


def die(number: int) -> Callable[[], None]:
    """Before the n-th file gets its name."""

    def arm() -> None:
        left = [number]
        replace = os.replace

        def dying(*arguments: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*arguments)  # type: ignore[arg-type]

        os.replace = dying  # type: ignore[assignment]

    return arm


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name != ".lock"}


def test_every_command_has_its_outputs_here() -> None:
    tried = {command[0] for command in OUTPUTS.values()}
    assert tried | set(NO_OUTPUTS) == set(COMMANDS)
    assert not tried & set(NO_OUTPUTS)


@pytest.mark.slow
@pytest.mark.parametrize("output", OUTPUTS)
def test_cut_off(copy: Path, output: str) -> None:
    for path in (copy / output, copy / f"{output}.json"):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    command = OUTPUTS[output]
    if command[0] in OF_SCANS and not made.has_scans():
        pytest.skip("the extra scans is not installed")
    full = run(copy, command, fill_disk)
    assert full.code == 1, full.said
    assert "Traceback" not in full.said
    assert "No space left on device" in full.said
    assert not list(copy.rglob(".tmp-*")), "what cannot be finished is cleared away"
    killed = run(copy, command, die(1))
    assert killed.code == -signal.SIGKILL, killed.said
    assert list(copy.rglob(".tmp-*"))
    again = run(copy, command)
    assert succeeded(again, command), again.said
    assert not list(copy.rglob(".tmp-*"))
    found = names(copy)
    last = run(copy, command)
    assert succeeded(last, command), last.said
    assert names(copy) == found
