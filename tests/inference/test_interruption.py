"""Killed at any moment, `predict` leaves whole files only, and the same command finishes the rest."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

CASES = 10


def visible(output: Path) -> dict[str, bytes]:
    """Label maps that a user sees."""
    found = (path for path in output.rglob("*.nii.gz") if not path.name.startswith("."))
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in found}


@pytest.mark.slow
def test_killed_at_random_moments(write_case: Any, make_bundle: Any, tmp_path: Path) -> None:
    for number in range(CASES):
        root = write_case(f"case{number}", number)
    a, b = make_bundle("a").folder, make_bundle("b").folder
    command = [
        sys.executable,
        "-m",
        "brats_seg.cli.predict",
        f"input={root}",
        f"bundles.a=[{a}]",
        f"bundles.b=[{b}]",
        "accelerator=cpu",
    ]

    def start(output: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*command, f"output={output}"], stdout=subprocess.DEVNULL)

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole).wait() == 0
    chance = random.Random(0)
    for _ in range(4):
        process, before = start(killed), len(visible(killed))
        deadline = time.monotonic() + 300
        while process.poll() is None and len(visible(killed)) <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.random() * 0.4)
        process.kill()
        process.wait()
        for name in visible(killed):
            assert np.asarray(nib.load(killed / name).dataobj).dtype == np.uint8
        for record in killed.glob("*.json"):
            assert (killed / f"{record.stem}.nii.gz").exists()
    assert start(killed).wait() == 0
    assert visible(killed) == visible(whole)
    assert len(visible(killed)) == 3 * CASES
    assert not list(killed.rglob(".tmp-*"))
