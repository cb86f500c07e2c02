"""Many trainings by one command: killed and given again they end as if nothing had been."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.cross_validation import Bootstrap, summarise_runs
from brats_seg.phantom import write_cohort
from brats_seg.training.config import canonical, load_config
from brats_seg.training.run import FINISHED, FINISHED_BEFORE, RESUMED
from brats_seg.workflows.out_of_fold import Outcome
from brats_seg.workflows.sweep import show_outcomes
from tests.tables import read_results

EPOCHS = 6
VIEWS = "out_of_fold.tta=group16"
SCORES = "evaluation/per_case.csv"


def start(root: Path, runs: str, *more: str) -> subprocess.Popen[str]:
    """A five-fold sweep in a session of its own."""
    science = ["scale=smoke", "model.width=1", "data.patch=[16,16,16]", "trainer.precision=32-true"]
    schedule = [f"schedule.constant_epochs={EPOCHS // 2}", f"schedule.cosine_epochs={EPOCHS // 2}"]
    places = [
        f"data.root={root / 'cohort'}",
        f"data.cache={root / 'cache'}",
        f"runs_root={root / runs}",
        "name=run",
    ]
    cheap = ["trainer.accelerator=cpu", "data.workers=0"]
    command = [str(Path(sys.executable).with_name("brats-seg")), "train", "sweep=cross_validation"]
    return subprocess.Popen(
        [*command, *science, *schedule, *places, *cheap, *more],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for_epoch(folder: Path, epoch: int, process: subprocess.Popen[str]) -> None:
    table = folder / "metrics.csv"
    while not table.exists() or len(table.read_text().splitlines()) <= epoch:
        assert process.poll() is None, f"it ended before:\n{process.communicate()[0]}"
        time.sleep(0.01)


def wait_for_first_map(folder: RunFolder, process: subprocess.Popen[str]) -> None:
    while not any(folder.predictions.glob("*.nii.gz")):
        assert process.poll() is None, f"it ended before:\n{process.communicate()[0]}"
        time.sleep(0.002)


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_a_sweep_killed_twice_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    write_cohort(tmp_path / "cohort", cases=10, seed=0, shape=(32, 40, 32))
    whole = start(tmp_path, "whole", VIEWS)
    said, _ = whole.communicate()
    assert (whole.returncode, read_results(said)) == (0, {f"run/fold_{k}": FINISHED for k in range(5)}), said
    process = start(tmp_path, "killed", VIEWS)
    wait_for_epoch(tmp_path / "killed" / "run" / "fold_1", 2, process)
    kill(process)
    process, predicting = start(tmp_path, "killed", VIEWS), RunFolder(tmp_path / "killed" / "run" / "fold_3")
    wait_for_first_map(predicting, process)
    kill(process)
    assert predicting.finished and not predicting.out_of_fold.exists()
    last = start(tmp_path, "killed", VIEWS)
    said, _ = last.communicate()
    states = [FINISHED_BEFORE, FINISHED_BEFORE, FINISHED_BEFORE, RESUMED, FINISHED]
    assert (last.returncode, read_results(said)) == (
        0,
        {f"run/fold_{k}": state for k, state in enumerate(states)},
    ), said
    for k in range(5):
        first, second = (RunFolder(tmp_path / runs / "run" / f"fold_{k}") for runs in ("whole", "killed"))
        assert (first.bundle / "model.safetensors").read_bytes() == (
            second.bundle / "model.safetensors"
        ).read_bytes()
        assert {**first.status, "seconds_this_start": 0} == {**second.status, "seconds_this_start": 0}
        assert (first.path / SCORES).read_bytes() == (second.path / SCORES).read_bytes()
    for runs in ("whole", "killed"):
        keep = {"a": 1, "b": None}
        bootstrap = Bootstrap(draws=10, confidence=0.95, seed=0)
        summarise_runs(
            [tmp_path / runs / "run"], tmp_path / f"{runs}_summary", keep=keep, bootstrap=bootstrap
        )
    for name in ("summary.csv", "folds.csv", "ranking.csv"):
        assert (tmp_path / "whole_summary" / name).read_bytes() == (
            tmp_path / "killed_summary" / name
        ).read_bytes()


@pytest.mark.slow
def test_what_kills_one_training_of_joblib_kills_no_other(tmp_path: Path) -> None:
    write_cohort(tmp_path / "cohort", cases=5, seed=0, shape=(32, 40, 32))
    process = start(
        tmp_path,
        "runs",
        "fold=1,2,3",
        "out_of_fold.predict=false",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
    )
    folder = tmp_path / "runs" / "run" / "fold_1"
    wait_for_epoch(folder, 1, process)
    (trains,) = {
        int(link.parts[2]) for link in Path("/proc").glob("[0-9]*/fd/*") if points_to(link, folder / ".lock")
    }
    os.kill(trains, signal.SIGKILL)
    said, _ = process.communicate()
    assert process.returncode == 1
    assert read_results(said) == {"run/fold_1": "failed", "run/fold_2": FINISHED, "run/fold_3": FINISHED}, (
        said
    )
    assert "was killed" in said


@pytest.mark.slow
def test_a_sweep_of_joblib_that_is_ended_leaves_no_process(tmp_path: Path) -> None:
    write_cohort(tmp_path / "cohort", cases=5, seed=0, shape=(32, 40, 32))
    endless = "schedule.constant_epochs=10000"
    process = start(tmp_path, "runs", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", endless)
    wait_for_epoch(tmp_path / "runs" / "run" / "fold_0", 1, process)
    assert len(members(process.pid)) > 2
    process.terminate()
    said, _ = process.communicate()
    assert "Traceback" not in said
    latest = time.monotonic() + 30
    while members(process.pid) and time.monotonic() < latest:
        time.sleep(0.1)
    assert members(process.pid) == []


def members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of = status.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state != "Z":
                found.append(int(status.parent.name))
    return found


def points_to(link: Path, file: Path) -> bool:
    try:
        return os.readlink(link) == str(file)
    except OSError:
        return False


def test_the_table_says_what_ended_how_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    configs = [load_config(["data.root=x", f"fold={k}"]) for k in range(4)]
    ended = [
        Outcome(Path("x"), FINISHED, 61.0, 0.5),
        Outcome(Path("x"), FINISHED_BEFORE, 0.1, 0.25),
        Outcome(Path("x"), RESUMED, 5.0, None),
        "case 7: no brain",
    ]
    show_outcomes(list(zip(configs, ended, strict=True)))
    said = capsys.readouterr().out
    assert read_results(said) == dict(
        zip(
            (f"pipeline_a/fold_{k}" for k in range(4)),
            (FINISHED, FINISHED_BEFORE, RESUMED, "failed"),
            strict=True,
        )
    )
    assert "1:01" in said and "0.500" in said
    assert "pipeline_a/fold_3 failed: case 7: no brain" in said.splitlines()
    assert said.splitlines()[-1].startswith(
        "4 trainings: 1 finished, 1 resumed, finished, 1 finished before, 1 failed;"
    )


def test_a_narrow_table_numbers_names_and_says_them_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    configs = [load_config(["data.root=x", f"seed={seed}", "model.width=8"]) for seed in (1, 2)]
    show_outcomes([(config, Outcome(Path("x"), FINISHED, 61.0, 0.5)) for config in configs])
    said = capsys.readouterr().out
    assert read_results(said) == {"1/fold_0": FINISHED, "2/fold_0": FINISHED}
    names = [f"{number}  {config.name}: seed={number}" for number, config in enumerate(configs, 1)]
    assert [name for name in names if name not in said.splitlines()] == []


def test_a_sweep_and_a_single_training_name_one_folder() -> None:
    science = ["scale.a.learning_rate=1e-1", "data.patch=[24, 24,24]", "+swa.x='a b'"]
    assert canonical(canonical(science)) == canonical(science)
    assert canonical(["scale.a.learning_rate=0.1"]) == canonical(science[:1])
    one, other = (
        load_config([f"scale.a.learning_rate={rate}", *more])
        for rate, more in (("1e-1", ()), ("0.1", ("fold=3",)))
    )
    assert one.name == other.name != "pipeline_a"
    assert load_config(["sweep=cross_validation", "fold=1"]).name == "pipeline_a"
