"""A command goes on whatever happens to its standard streams."""

from __future__ import annotations

import subprocess
import sys

import pytest

SPEAKS = """
import os, sys
from brats_seg.runtime.streams import keep_streams
keep_streams()
for number in range(1000):
    print(f"line {number} 患者", flush=True)
print("said", file=sys.stderr)
os.write(4, b"the end")
"""


@pytest.mark.parametrize(
    ("streams", "encoding"),
    [
        ("", "latin-1"),
        (">&-", "utf-8"),
        (">&- 2>&- <&-", "utf-8"),
        ("| true", "utf-8"),
        (">/dev/full", "utf-8"),
        (">/dev/full 2>/dev/full", "utf-8"),
    ],
)
def test_the_work_goes_on(tmp_path, streams, encoding):
    (tmp_path / "speaks.py").write_text(SPEAKS)
    line = f"(PYTHONIOENCODING={encoding} {sys.executable} speaks.py 4>end; echo $? >code) {streams}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert (tmp_path / "end").read_text() == "the end"
    assert (tmp_path / "code").exists() or streams.startswith(">"), "bash itself may have no output"
    assert "Traceback" not in done.stderr
    if not streams:
        assert done.stdout.startswith(r"line 0 \u60a3\u8005"), "what the encoding lacks is escaped"


def test_streams_of_somebody_else_stay(capsys):
    from brats_seg.runtime.streams import keep_streams

    before = sys.stdout
    keep_streams()
    assert sys.stdout is before
