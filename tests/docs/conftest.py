"""What the pages take for granted: cases in /data, four files, bundles, and `brats-seg` on the path."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLIENT = """#!{python} -IS
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = json.dumps({{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}})
    socket.send_fds(server, [asked.encode() + b"\\n"], [0, 1, 2])
    sys.exit(int(server.makefile().readline() or 1))
"""

Shell = Callable[[str, Path], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """``shell(script, folder)`` in bash, where ``brats-seg`` is the one of ``preloaded.py``."""
    binaries = tmp_path_factory.mktemp("bin")
    address = binaries / "socket"
    client = binaries / "brats-seg"
    client.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    client.chmod(0o755)
    (binaries / "python").symlink_to(sys.executable)
    server = subprocess.Popen([sys.executable, HERE / "preloaded.py", address])
    while not address.exists():
        assert server.poll() is None, "preloaded.py ended before it listened"
        time.sleep(0.1)
    path = f"{binaries}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}

    def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-euo", "pipefail", "-c", script]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False
        )

    yield run
    server.terminate()
    server.wait()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, shell: Shell) -> Path:
    """The folder that stands for ``/data``, with ``given/`` beside it: what lies in a reader's own folder."""
    root = tmp_path_factory.mktemp("data")
    script = """
    brats-seg phantom output=BraTS2020 cases=6 shape=[40,48,40]
    brats-seg phantom output=validation cases=2 first=101 shape=[40,48,40]
    ln -s BraTS2020 mine
    brats-seg train experiment=pipeline_a data.root=BraTS2020
    brats-seg train experiment=pipeline_b data.root=BraTS2020
    mkdir -p given/bundles
    cp -r runs/pipeline_a/fold_0/bundle given/bundles/a0
    cp -r runs/pipeline_b/fold_0/bundle given/bundles/b0
    one=(validation/*/)
    for pair in T1:t1 T1ce:t1ce T2:t2 FLAIR:flair; do
      cp "$one"/*_"${pair#*:}".nii.gz "given/${pair%:*}.nii.gz"
    done
    for case in BraTS2020/*/; do
      id=$(basename "$case")
      mkdir -p "bids/$id/anat"
      for pair in T1w:t1 ce-T1w:t1ce T2w:t2 FLAIR:flair lesions:seg; do
        cp "$case"/*_"${pair#*:}".nii.gz "bids/$id/anat/${id}_${pair%:*}.nii.gz"
      done
    done
    """
    done = shell(script, root)
    assert done.returncode == 0, done.stdout + done.stderr
    return root
