"""Killed and started again, with all cores, the machine's own precision and processes that load patches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brats_seg.phantom import write_cohort

EPOCHS = 3
# On a CPU no process loads patches; here two do, as on a GPU.
WITH_LOADERS = """
import sys
from brats_seg.cli.main import main
from brats_seg.data import base

reading = base.reading
two = {"num_workers": 2, "worker_init_fn": lambda number: print("loader", number, flush=True)}
base.reading = lambda *sizes, **where: {**reading(*sizes, **where), **two}
sys.exit(main())
"""


def start(root: Path, runs: str, experiment: str) -> subprocess.Popen[str]:
    free = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    science = [f"experiment={experiment}", "scale=smoke", "data.patch=[64,64,64]", "data.folds=3"]
    schedule = [f"schedule.cosine_epochs={EPOCHS}", "schedule.constant_epochs=0", "swa.cycles=0"]
    places = [f"data.root={root / 'cohort'}", f"data.cache={root / 'cache'}", f"runs_root={root / runs}"]
    often = ["name=run", "checkpoint_minutes=0", "out_of_fold.predict=false"]
    return subprocess.Popen(
        [sys.executable, "-c", WITH_LOADERS, "train", *science, *schedule, *places, *often],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=free,
    )


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["pipeline_a", "pipeline_b"])
def test_it_ends_with_the_same_bits(tmp_path: Path, experiment: str) -> None:
    write_cohort(tmp_path / "cohort", cases=3, seed=0, shape=(64, 80, 72))
    whole = start(tmp_path, "whole", experiment)
    said, _ = whole.communicate()
    assert whole.returncode == 0, said
    assert "loader 1" in said
    assert f"CPU, {len(os.sched_getaffinity(0))} cores" in said
    cut = start(tmp_path, "cut", experiment)
    assert cut.stdout is not None
    for line in cut.stdout:
        if line.startswith(f"epoch 2/{EPOCHS}"):
            break
    cut.kill()
    cut.communicate()
    assert cut.returncode == -signal.SIGKILL
    again = start(tmp_path, "cut", experiment)
    said, _ = again.communicate()
    assert again.returncode == 0, said
    assert f"epoch 1/{EPOCHS}" not in said, "it began anew"
    for name in ("bundle/model.safetensors", "case_losses.csv"):
        one, other = (tmp_path / runs / "run" / "fold_0" / name for runs in ("whole", "cut"))
        assert one.read_bytes() == other.read_bytes(), name
