"""Several devices share the cases, and the first one tells what failed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.slow
def test_two_processes_share_the_cases(write_case: Any, make_bundle: Any, tmp_path: Path) -> None:
    for number in range(5):
        root = write_case(f"case{number}", number)
    (root / "case3" / "case3_t2.nii.gz").write_bytes(b"\x1f\x8b\x08 no gzip")
    (root / "case4" / "case4_t1.nii.gz").write_bytes((root / "case4" / "case4_t1.nii.gz").read_bytes()[:-200])
    command = [
        sys.executable,
        "-m",
        "brats_seg.cli.commands.predict",
        f"input={root}",
        f"bundles.a=[{make_bundle('a').folder}]",
        "tta=none",
    ]
    outputs = {}
    for devices in (1, 2):
        output = tmp_path / str(devices)
        process = subprocess.run(
            [*command, f"output={output}", "accelerator=cpu", f"devices={devices}", "strategy=auto"],
            capture_output=True, text=True, timeout=500,
        )  # fmt: skip
        assert process.returncode == 1, process.stderr
        errors = [line for line in process.stderr.splitlines() if "error:" in line]
        assert sorted(line.split("case ")[1].split(":")[0] for line in errors) == ["case3", "case4"]
        assert "Traceback" not in process.stderr
        outputs[devices] = {path.name: path.read_bytes() for path in output.glob("*.nii.gz")}
    assert set(outputs[1]) == {f"case{n}.nii.gz" for n in range(3)}
    assert outputs[1] == outputs[2]
    # Nothing to be done: the first one says so, and nobody waits for anybody.
    shutil.rmtree(root / "case3")
    shutil.rmtree(root / "case4")
    command += [f"output={tmp_path / '1'}", "accelerator=cpu", "devices=2"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("3 of 3 cases finished before") == 1
