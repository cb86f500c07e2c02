"""Several processes train as one: two on a CPU, over gloo."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from omegaconf import OmegaConf

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.phantom import write_cohort
from brats_seg.runtime.processes import RANKS, is_first_process, launched_from_outside
from brats_seg.runtime.quiet import quiet_lightning
from brats_seg.training.config import build, load_config
from brats_seg.training.module import SegmentationModule


@pytest.mark.parametrize("name", RANKS)
def test_only_the_first_process_of_several_owns_the_folder(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in RANKS:
        monkeypatch.delenv(other, raising=False)
    alone, several = ({"trainer": {"strategy": strategy}} for strategy in ("auto", "ddp"))
    assert is_first_process(OmegaConf.create(several))
    monkeypatch.setenv(name, "1")
    assert not is_first_process(OmegaConf.create(several))
    assert is_first_process(OmegaConf.create(alone))


def test_processes_that_slurm_or_torchrun_started_are_told_from_our_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TORCHELASTIC_RUN_ID", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    alone, several = (OmegaConf.create({"trainer": {"strategy": strategy}}) for strategy in ("auto", "ddp"))
    assert not launched_from_outside(several)
    monkeypatch.setenv("SLURM_PROCID", "0")
    assert launched_from_outside(several)
    assert not launched_from_outside(alone)  # one job of an array


def overrides(root: Path, *more: str) -> list[str]:
    small = [
        "scale=smoke",
        "model.width=2",
        "data.patch=[16,16,16]",
        "schedule.constant_epochs=1",
        "schedule.cosine_epochs=1",
    ]
    swa = [
        "swa.cycles=1",
        "swa.cycle_epochs=2",
        "swa.snapshot_every=1",
        "data.folds=2",
        "trainer.check_val_every_n_epoch=1",
    ]
    places = [f"data.root={root / 'cohort'}", f"data.cache={root / 'cache'}", f"runs_root={root / 'runs'}"]
    return [
        *small,
        *swa,
        *places,
        "data.workers=0",
        "trainer.accelerator=cpu",
        "trainer.precision=32-true",
        *more,
    ]


def start(root: Path, name: str) -> subprocess.Popen[bytes]:
    """`brats-seg train` with two processes, in a session of its own."""
    code = "import sys; sys.argv[0] = 'brats-seg'; from brats_seg.cli.main import main; main()"
    script = root / "brats_seg_main.py"  # Lightning starts the second process from it
    script.write_text(code.replace("sys.argv[0] = 'brats-seg'; ", ""))
    command = [
        sys.executable,
        str(script),
        "train",
        *overrides(root, f"name={name}", "trainer=ddp", "trainer.devices=2"),
    ]
    return subprocess.Popen(
        command, cwd=root, start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def wait_for_the_other(group: int) -> None:
    """It is told to end by the first process, which may be gone before."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError("the second process goes on alone")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_two_processes_score_as_one_and_continue(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_cohort(tmp_path / "cohort", cases=6, seed=0, shape=(32, 40, 32))
    whole = start(tmp_path, "whole")
    assert whole.wait(300) == 0
    wait_for_the_other(whole.pid)
    assert "error" not in capfd.readouterr().err  # of neither
    folder = tmp_path / "runs" / "whole" / "fold_0"
    assert [int(row["epoch"]) for row in rows(folder / "metrics.csv")] == [0, 1, 2, 3]
    cases = [(int(row["epoch"]), row["case"]) for row in rows(folder / "case_losses.csv")]
    assert (
        len(cases) == len(set(cases)) == 4 * 3
    )  # three cases on two processes: one of them twice, counted once
    assert len(list((folder / "snapshots").iterdir())) == 2

    # Three validation cases on two processes, against all three on one.
    quiet_lightning()
    cfg: Any = load_config(overrides(tmp_path, "name=check"))
    bundle = load_bundle(folder / "bundle")
    module = SegmentationModule(bundle.net(), build(cfg.loss), build(cfg.optimizer), channels_last=True)
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, use_distributed_sampler=False
    )
    (alone,) = trainer.validate(module, datamodule=build(cfg.data), verbose=False)
    assert bundle.record["scores"] == pytest.approx(alone, rel=1e-6)

    cut = tmp_path / "runs" / "cut" / "fold_0"
    process = start(tmp_path, "cut")
    while not (cut / "checkpoints" / "last.ckpt").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait() == -signal.SIGTERM
    wait_for_the_other(process.pid)
    assert start(tmp_path, "cut").wait(300) == 0
    assert (cut / "bundle" / "model.safetensors").read_bytes() == (
        folder / "bundle" / "model.safetensors"
    ).read_bytes()
    assert (cut / "case_losses.csv").read_bytes() == (folder / "case_losses.csv").read_bytes()
    assert json.loads((cut / "status.json").read_text())["state"] == "finished"
