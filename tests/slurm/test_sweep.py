"""A five-fold sweep on a real Slurm cluster of one node, one of its jobs preempted (`make test-slurm`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from brats_seg.phantom import write_cohort
from tests.tables import read_results

CLUSTER = Path(__file__).with_name("cluster.sh")
COMMAND = [str(Path(sys.executable).with_name("brats-seg")), "train"]
SCIENCE = [
    "scale=smoke",
    "model.width=2",
    "data.patch=[24,24,24]",
    "schedule.constant_epochs=8",
    "schedule.cosine_epochs=8",
]
MACHINE = [
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "data.workers=0",
    "out_of_fold.predict=false",
]
SLURM = [
    "hydra/launcher=submitit_slurm",
    "hydra.launcher.gpus_per_node=null",
    "hydra.launcher.mem_gb=null",
    "hydra.launcher.cpus_per_task=1",
]
PREEMPTED = 1

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which Slurm's commands find it."""
    if os.getuid() != 0:
        pytest.skip("no Slurm: its daemons start as root only")
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run([CLUSTER, "start", folder], capture_output=True, text=True, check=False)
    try:
        if started.returncode == 77:
            pytest.skip(f"no Slurm: {started.stderr.strip()}")
        assert started.returncode == 0, started.stderr
        yield {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "OMP_NUM_THREADS": "1"}
    finally:
        subprocess.run([CLUSTER, "stop", folder], check=False)


def slurm(cluster: dict[str, str], *command: str) -> str:
    print("$", *command, flush=True)
    return subprocess.run(command, env=cluster, capture_output=True, text=True, check=True).stdout


def wait_for_epoch(table: Path, epoch: int, sweep: subprocess.Popen[str]) -> None:
    """Until that many are done."""
    while not table.exists() or len(table.read_text().splitlines()) <= epoch:
        assert sweep.poll() is None, f"the sweep ended before:\n{sweep.communicate()[0]}"
        time.sleep(0.1)


@pytest.mark.timeout(1800)
def test_a_preempted_job_is_queued_again_and_the_table_is_right(
    cluster: dict[str, str], tmp_path: Path
) -> None:
    write_cohort(tmp_path / "cohort", cases=5, seed=0, shape=(32, 40, 32))
    places = [f"data.root={tmp_path / 'cohort'}", f"data.cache={tmp_path / 'cache'}", "name=run"]
    common = [*SCIENCE, *MACHINE, *places]
    command = [*COMMAND, "sweep=cross_validation", *common, *SLURM, f"runs_root={tmp_path / 'runs'}"]
    folder = tmp_path / "runs" / "run" / f"fold_{PREEMPTED}"
    with subprocess.Popen(
        command, env=cluster, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as sweep:
        wait_for_epoch(folder / "metrics.csv", 3, sweep)
        running = slurm(cluster, "squeue", "--noheader", "--array", "--states=running", "--format=%i %A")
        (job, number), *_ = [
            line.split() for line in running.splitlines() if line.split()[0].endswith(f"_{PREEMPTED}")
        ]
        slurm(
            cluster, "scancel", "--signal=TERM", f"{number}.0"
        )  # submitit passes it over, and waits for the one it knows
        wait_for_epoch(folder / "metrics.csv", 5, sweep)
        # Its one step: a signal to the whole job is repeated after the requeue.
        slurm(cluster, "scancel", "--signal=USR2", f"{number}.0")
        said, _ = sweep.communicate()
    print(said)
    assert sweep.returncode == 0
    assert read_results(said) == {
        f"run/fold_{k}": "resumed, finished" if k == PREEMPTED else "finished" for k in range(5)
    }
    log = "".join(path.read_text() for path in sorted((tmp_path / "runs" / ".submitit").rglob("*_log.*")))
    told = [
        line
        for line in log.splitlines()
        if "preempted" in line or "timed-out" in line or "Requeued job" in line
    ]
    print("\n".join(told))
    assert sum(f"Requeued job {job} " in line for line in told) == 1

    # Undisturbed, in one process: the same weights to the bit.
    alone = [*COMMAND, *common, f"fold={PREEMPTED}", f"runs_root={tmp_path / 'alone'}"]
    subprocess.run(alone, env=cluster, capture_output=True, check=True)
    weights = Path("run", f"fold_{PREEMPTED}", "bundle", "model.safetensors")
    assert (tmp_path / "runs" / weights).read_bytes() == (tmp_path / "alone" / weights).read_bytes()
    assert json.loads((folder / "status.json").read_text())["state"] == "finished"
