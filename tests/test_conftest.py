"""No test is skipped in silence: its reason is told at the end, and where all must run it is a failure."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TESTS = """
import pytest

def test_card(): pytest.skip("no GPU on this machine")

@pytest.mark.skipif(True, reason="no Chromium: apt install chromium")
def test_browser(): ...

def test_works(): ...
"""


@pytest.mark.parametrize(("which", "required", "code"), [("", True, 1), ("card", True, 0)])
def test_what_is_skipped_is_told_and_refused_where_all_must_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, required: bool, code: int
) -> None:
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_some.py").write_text(TESTS)
    told = tmp_path / "skipped.txt"
    monkeypatch.setenv("BRATS_SEG_SKIPPED", str(told))
    monkeypatch.delenv("BRATS_SEG_REQUIRED", raising=False)
    if required:
        monkeypatch.setenv("BRATS_SEG_REQUIRED", "1")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        which or "test",
        tmp_path,
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout
    browser = "1 in test_some.py: no Chromium: apt install chromium"
    card = "1 in test_some.py: no GPU on this machine"
    assert told.read_text().splitlines() == ([card] if which else [browser, card])
    assert ("must run here" in done.stdout) == (code == 1)
