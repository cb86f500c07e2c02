"""Sweeps as a researcher types them, on a fresh cache, with the defaults of ``data.workers``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brats_seg.phantom import write_cohort
from tests.tables import cells_of

SMALL = ["scale=smoke", "model.width=2", "data.patch=[16,16,16]", "schedule.constant_epochs=1"]
SMALL += [
    "schedule.cosine_epochs=1",
    "out_of_fold.predict=false",
    "trainer.accelerator=cpu",
    "data.root=cohort",
]
OPTIMISER = """
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper


class Halving(Sweeper):
    '''Asks one job at a time, and hands on none of what they return, as Optuna's.'''

    def setup(self, *, hydra_context, task_function, config):
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments):
        for number, rate in enumerate(["0.1", "0.05"]):
            (job,) = self.launcher.launch([[*arguments, f"optimizer.lr={rate}"]], initial_job_idx=number)
            print("told", float(job.return_value))


ConfigStore.instance().store(group="hydra/sweeper", name="halving", node={"_target_": f"{__name__}.Halving"})
"""


def brats_seg(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a folder, with what it holds importable."""
    command = [str(Path(sys.executable).with_name("brats-seg")), "train", *SMALL, *arguments]
    paths = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(folder)}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment, timeout=600
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with ``cohort/``, a configuration in ``mine/`` and a sweeper."""
    folder = tmp_path_factory.mktemp("sweeps")
    write_cohort(folder / "cohort", cases=10, seed=0, shape=(32, 40, 32))
    (folder / "mine" / "experiment").mkdir(parents=True)
    text = "# @package _global_\ndefaults:\n  - pipeline_b\n  - _self_\n"
    (folder / "mine" / "experiment" / "mine.yaml").write_text(text)
    (folder / "hydra_plugins").mkdir()
    (folder / "hydra_plugins" / "halving.py").write_text(OPTIMISER)
    return folder


@pytest.mark.slow
def test_joblib_trains_on_a_fresh_cache_and_the_table_says_what_differs(folder: Path) -> None:
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    line = ["-m", "--config-dir", "mine", "experiment=mine", "seed=1,2", *launcher, "runs_root=joblib"]
    ended = brats_seg(folder, *line)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 trainings: 2 finished" in ended.stdout
    rows = cells_of(ended.stdout)
    assert [differs for _, differs, *_ in rows] == ["seed=1", "seed=2"]
    for (name, *_), seed in zip(rows, (1, 2), strict=True):
        assert f"seed={seed}" in (folder / "joblib" / name / "overrides.txt").read_text().split()
    headers = [line for line in ended.stdout.splitlines() if line.startswith("job ")]
    assert sorted(headers) == ["job 1 of 2: seed=1", "job 2 of 2: seed=2"]
    again = brats_seg(folder, *line)
    assert "2 trainings: 2 finished before" in again.stdout, again.stdout + again.stderr


@pytest.mark.slow
def test_a_sweeper_that_optimises_is_told_a_number(folder: Path) -> None:
    line = ["-m", "hydra/sweeper=halving", "runs_root=halving"]
    ended = brats_seg(folder, *line, "objective=val/dice")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = [float(line.split()[1]) for line in ended.stdout.splitlines() if line.startswith("told ")]
    assert len(told) == 2
    assert all(0 <= number <= 1 for number in told)
    assert "2 trainings: 2 finished" in ended.stdout
    without = brats_seg(folder, *line)
    assert without.returncode == 1
    assert without.stderr.splitlines()[-1] == (
        "brats-seg train: error: a sweeper that optimises needs a number: add objective=val/dice"
    )


@pytest.mark.slow
def test_every_way_to_look_at_a_training(folder: Path) -> None:
    line = ["-m", "debug=one_batch,overfit,profiler", "experiment=pipeline_b", "keep=last", "runs_root=debug"]
    ended = brats_seg(folder, *line)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 trainings: 3 finished" in ended.stdout
    (profile,) = (folder / "debug").glob("*/fold_0/fit-profile.txt")
    assert "run_training_epoch" in profile.read_text()
    of_one_batch = next(run for run in (folder / "debug").iterdir() if _has(run, "debug=one_batch"))
    losses = (of_one_batch / "fold_0" / "case_losses.csv").read_text().splitlines()
    assert len(losses) == 1 + 1 * 2  # one batch of one case in each of two epochs


def _has(run: Path, override: str) -> bool:
    file = run / "overrides.txt"
    return file.is_file() and override in file.read_text().split()
