"""Every command with each of its input files replaced by something else: one line, no traceback, no hang."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brats_seg.cli.main import COMMANDS
from tests.cli import whole as made
from tests.cli.forked import Done, run
from tests.cli.whole import ALIGN, DOUBTS, FOLD, GOOD, INPUTS, LONG, NO_INPUTS, OF_BUNDLE, OF_SCANS, T1


def unreadable(path: Path) -> None:
    path.write_bytes(b"{}")
    path.chmod(0)


KINDS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "a FIFO": os.mkfifo,
    "0 bytes": lambda path: path.write_bytes(b""),
    "300 000 brackets": lambda path: path.write_text("[" * 300_000),
    "random bytes": lambda path: path.write_bytes(random.Random(0).randbytes(10_000)),
    "unreadable": unreadable,
}


def placed(folder: Path, name: str) -> Path:
    """Names of the cache hold a hash of where the cases lie."""
    (folds,) = (folder / "cache").glob("*/folds.json")
    if name == "FOLDS":
        return folds
    if name.startswith("CACHE/"):
        return next(folds.parent.glob("min_max-*")) / name.removeprefix("CACHE/")
    return folder / name


def trials() -> list[Any]:
    """Command, input and kind of what replaces it."""
    kinds = list(KINDS)
    found = []
    for command, names in INPUTS.items():
        for number, name in enumerate(names):
            some = [kinds[(number + step) % len(kinds)] for step in (0, 2, 5)]
            few = dict.fromkeys(["a FIFO", *some])  # who opens it without care waits for ever
            for kind in few if command in LONG else kinds:
                words = f"{command[0]}-{name.rpartition('/')[2]}-{kind}"
                found.append(pytest.param(command, name, kind, id=words))
    return found


def test_every_command_has_its_inputs_here() -> None:
    tried = {command[0] for command in INPUTS}
    assert tried | set(NO_INPUTS) == set(COMMANDS)
    assert not tried & set(NO_INPUTS)


def prepare(folder: Path, command: tuple[str, ...], name: str = "") -> None:
    """Take away results, so that the command reads the input instead of saying that all is done."""
    if command[0] in OF_SCANS and not made.has_scans():
        pytest.skip("the extra scans is not installed")
    for result in made.results_of(command, name):
        path = folder / result
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if command[0] == "train" and "name=other" not in command:  # as one that was cut off
        (folder / FOLD / "status.json").write_text('{"state": "running"}')


@pytest.mark.slow
@pytest.mark.parametrize("command", INPUTS, ids=lambda command: command[0])
def test_nothing_replaced(copy: Path, command: tuple[str, ...]) -> None:
    """Every command succeeds here: what the trials see comes from the file that they replace."""
    prepare(copy, command)
    done = run(copy, command)
    told(done, command[0])
    assert succeeded(done, command), done.said


@pytest.mark.slow
@pytest.mark.parametrize(("command", "name", "kind"), trials())
def test_one_line(copy: Path, command: tuple[str, ...], name: str, kind: str) -> None:
    prepare(copy, command, name)
    path = placed(copy, name)
    assert path.exists(), "nothing is replaced by this trial"
    path.unlink()
    KINDS[kind](path)
    done = run(copy, command)
    told(done, command[0])
    if command == OF_BUNDLE and name == T1:
        assert done.code == 1
        assert (copy / "predicted" / f"{GOOD}.nii.gz").exists()


def told(done: Done, command: str) -> None:
    """What went wrong is one line for each thing, and nothing that only a programmer reads."""
    assert done.code in (0, 1, 2), f"exit {done.code}\n{done.said}"
    assert "Traceback" not in done.said
    assert "Warning" not in done.said, done.said
    if command == "check":
        return  # its table says it
    assert bool(errors(done, command)) <= (done.code != 0), done.said
    assert done.code == 0 or "error: " in done.said, done.said
    assert len(errors(done, command)) <= 2, done.said


def succeeded(done: Done, command: tuple[str, ...]) -> bool:
    """Whether a command did its work, but for what align says of brains as small as these."""
    doubtful = done.code == 1 and "error: " in done.said and not errors(done, "align")
    return done.code == 0 or (command == ALIGN and doubtful)


def errors(done: Done, command: str) -> list[str]:
    """The lines that say what went wrong."""
    lines = [line for line in done.said.splitlines() if line.startswith(f"brats-seg {command}: error: ")]
    return [line for line in lines if not any(doubt in line for doubt in DOUBTS)]
