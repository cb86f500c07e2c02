"""Killed, or on a full disk, each command that writes leaves whole files only; the same command goes on."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.forked import run
from tests.cli.test_replaced_inputs import FOLD, OF_BUNDLE, copy, whole

__all__ = ["copy", "whole"]  # fixtures
WRITES: dict[str, tuple[str, ...]] = {
    "new": ("phantom", "output=new", "cases=2", "shape=[32,40,32]", "workers=1"),
    "cache": (
        *("prepare", "scale=smoke", "data.folds=2", "data.workers=0"),
        *("data.root=cohort", "data.cache=cache"),
    ),
    "mean": ("average", f"snapshots=[{FOLD}/snapshots]", "output=mean"),
    "flagged.json": ("flag-cases", "runs=[runs/run]", "output=flagged.json"),
    "summary": ("cv-summary", "runs=[runs/run]", "output=summary"),
    "predicted": OF_BUNDLE,
    "merged": ("merge", "a=predicted_b", "b=predicted_b", "output=merged"),
    "scores": ("evaluate", "predictions=predicted_b", "references=cohort", "output=scores", "workers=1"),
    "report": (
        *("report", "predictions=predicted_b", "references=cohort", "output=report"),
        *("workers=1", "viewer=false"),
    ),
}


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


@pytest.mark.slow
@pytest.mark.parametrize("output", WRITES)
def test_cut_off(copy: Path, output: str) -> None:
    for path in (copy / output, copy / f"{output}.json"):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    command = WRITES[output]
    full = run(copy, command, fill_disk)
    assert full.code == 1, full.said
    assert "Traceback" not in full.said
    assert "No space left on device" in full.said
    assert not list(copy.rglob(".tmp-*")), "what cannot be finished is cleared away"
    killed = run(copy, command, die(1))
    assert killed.code == -signal.SIGKILL, killed.said
    assert list(copy.rglob(".tmp-*"))
    again = run(copy, command)
    assert again.code == 0, again.said
    assert not list(copy.rglob(".tmp-*"))
    found = names(copy)
    assert run(copy, command).code == 0
    assert names(copy) == found
