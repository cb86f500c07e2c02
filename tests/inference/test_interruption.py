"""Killed at any moment, `predict` leaves whole files only, and the same command finishes the rest."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

CASES = 10
# Half of the n-th file is on the disk when the process dies.
DYING = """
import os, signal, sys
from pathlib import Path

left = int(sys.argv.pop(1))

def dying(write):
    def half(path, data, *arguments, **options):
        global left
        left -= 1
        if left == 0:
            write(path, data[: len(data) // 2], *arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)
        return write(path, data, *arguments, **options)
    return half

Path.write_bytes, Path.write_text = dying(Path.write_bytes), dying(Path.write_text)

from brats_seg.cli.commands.predict import main
main()
"""


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

    def start(output: Path, *program: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *program, *arguments, f"output={output}"], stdout=subprocess.DEVNULL
        )

    predict = ("-m", "brats_seg.cli.commands.predict")
    assert start(whole, *predict).wait() == 0
    chance = random.Random(0)
    for _ in range(2):  # between files, most likely
        process, before = start(killed, *predict), len(visible(killed))
        deadline = time.monotonic() + 300
        while process.poll() is None and len(visible(killed)) <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.random() * 0.4)
        process.kill()
        process.wait()
        check(killed)
    for write in (6, 7):  # within one: the final map, its record
        process = start(killed, "-c", DYING, str(write))
        assert process.wait() == -signal.SIGKILL, (
            "fewer files were written than before, or not by these functions"
        )
        check(killed)
        assert list(killed.rglob(".tmp-*")), "half a file was written, and nobody sees it"
    assert start(killed, *predict).wait() == 0
    assert visible(killed) == visible(whole)
    assert len(visible(killed)) == 3 * CASES
    assert not list(killed.rglob(".tmp-*"))
