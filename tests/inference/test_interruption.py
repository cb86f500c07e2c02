"""Killed at any moment, `predict` leaves whole files only, and the same command finishes the rest."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from tests.cli.forked import import_everything, run, start

CASES = 10


def die_at(number: int) -> Callable[[], None]:
    """Half of the n-th file is on the disk when the process dies."""

    def arm() -> None:
        left = [number]

        def dying(write: Callable[..., int]) -> Callable[..., int]:
            def half(path: Path, data: Any, *arguments: Any, **options: Any) -> int:
                left[0] -= 1
                if left[0] == 0:
                    write(path, data[: len(data) // 2], *arguments, **options)
                    os.kill(os.getpid(), signal.SIGKILL)
                return write(path, data, *arguments, **options)

            return half

        Path.write_bytes = dying(Path.write_bytes)  # type: ignore[method-assign]
        Path.write_text = dying(Path.write_text)  # type: ignore[method-assign]

    return arm


def visible(output: Path) -> dict[str, bytes]:
    """Label maps that a user sees."""
    found = (path for path in output.rglob("*.nii.gz") if not path.name.startswith("."))
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in found}


def check(output: Path) -> None:
    """Whatever is visible is whole, and a record's files are all there."""
    for name in visible(output):
        assert np.asarray(nib.load(output / name).dataobj).dtype == np.uint8
    for record in output.rglob("*.json"):
        if not record.name.startswith("."):
            assert all((record.parent / name).exists() for name in json.loads(record.read_text())["files"])


@pytest.fixture
def arguments(write_case: Any, make_bundle: Any) -> list[str]:
    for number in range(CASES):
        root = write_case(f"case{number}", number)
    bundles = [f"bundles.{pipeline}=[{make_bundle(pipeline).folder}]" for pipeline in "ab"]
    return [f"input={root}", *bundles, "accelerator=cpu"]


@pytest.mark.slow
def test_killed_at_random_moments(arguments: list[str], tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    import_everything()

    def command(output: Path) -> list[str]:
        return ["predict", *arguments, f"output={output}"]

    assert run(tmp_path, command(whole)).code == 0
    chance = random.Random(0)
    for _ in range(2):  # between files, most likely
        before = len(visible(killed))
        with start(tmp_path, command(killed)) as process:
            while not process.has_ended and len(visible(killed)) <= before:
                time.sleep(0.01)
            time.sleep(chance.random() * 0.4)
            process.kill()
        assert process.end().code == -signal.SIGKILL, process.end().said
        check(killed)
    for write in (6, 7):  # within one: the final map, its record
        done = run(tmp_path, command(killed), die_at(write))
        assert done.code == -signal.SIGKILL, "fewer files were written than before, or not by these functions"
        check(killed)
        assert list(killed.rglob(".tmp-*")), "half a file was written, and nobody sees it"
    assert run(tmp_path, command(killed)).code == 0
    assert visible(killed) == visible(whole)
    assert len(visible(killed)) == 3 * CASES
    assert not list(killed.rglob(".tmp-*"))
