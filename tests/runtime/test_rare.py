"""Machines that few people have."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from filelock import FileLock
from pytorch_lightning.loggers import WandbLogger

from brats_seg import surroundings
from brats_seg.runtime import allocator, card, cores, devices, machine, wandb_run
from brats_seg.runtime.devices import lease_device
from brats_seg.runtime.isolated_jobs import _why_it_ended
from brats_seg.runtime.launchers import _count_devices
from brats_seg.runtime.wandb_run import WandbRun


def test_a_c_library_without_mallopt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    allocator.keep_freed_memory()


def test_a_driver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(card.VISIBLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def hang(*_: Any, timeout: float, **__: Any) -> None:
        raise subprocess.TimeoutExpired("nvidia-smi", timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    assert not card._shows_card()


def test_a_torch_that_needs_a_newer_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "12.6")
    assert card._reason() == "it needs a driver for CUDA 12.6"


def test_who_waits_for_a_device_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "lock_folder", lambda: tmp_path)
    other = FileLock(tmp_path / "3.0.lock")
    other.acquire()
    waits = iter([None, None, other.release])

    def sleep(seconds: float) -> None:
        if release := next(waits):
            release()

    monkeypatch.setattr(devices.time, "sleep", sleep)
    with lease_device(["3"], 1) as name:
        assert name == "3"
    assert capsys.readouterr().out == f"waiting for a device: 1 trainings run (locks in {tmp_path})\n"


def test_why_a_process_of_joblib_ended() -> None:
    said = "The exit codes of the workers are {EXIT(3)}"
    assert _why_it_ended(said) == "the process of this job has ended (EXIT(3)), see above what it said"
    assert "(joblib says no more)" in _why_it_ended("gone")


def test_devices_of_a_machine_without_a_card() -> None:
    assert _count_devices("cpu") == 1


def test_a_system_without_control_groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "OWN_GROUP", tmp_path / "none")
    monkeypatch.setattr(machine, "CONTROL_GROUPS", tmp_path)
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert cores() == 1


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WandbRun:
    """A run whose start nothing has asked for yet."""
    monkeypatch.setattr(wandb_run, "wandb_mode", lambda environment: "online")
    return WandbRun(tmp_path, project="p", name="n")


def refusing(starts: list[str], refusals: int) -> property:
    """What Lightning's logger does at its start: refuse so often, then record."""
    import wandb

    def experiment(self: Any) -> Any:
        starts.append(self._wandb_init["mode"])
        if len(starts) <= refusals:
            raise wandb.Error("no answer\nat all")
        told = SimpleNamespace(define_metric=lambda *_, **__: None, url="https://wandb.ai/x", offline=False)
        self._experiment = told
        return told

    return property(experiment)


@pytest.mark.parametrize(
    ("refusals", "modes"),
    [(0, ["online"]), (1, ["online", "offline"]), (2, ["online", "offline", "disabled"])],
)
def test_a_run_never_stops_a_training(
    run: WandbRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    refusals: int,
    modes: list[str],
) -> None:
    starts: list[str] = []
    monkeypatch.setattr(WandbLogger, "experiment", refusing(starts, refusals))
    assert run.experiment.url == "https://wandb.ai/x"
    assert starts == modes
    said = capsys.readouterr()
    assert said.out == "wandb: https://wandb.ai/x\n"
    assert said.err.count("wandb: no answer; recording ") == refusals


def test_an_agent_has_chosen_the_project(run: WandbRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(wandb_run.SWEEP, "s")
    monkeypatch.setenv("WANDB_RUN_ID", "r")
    run._prepare()
    assert {run._wandb_init[key] for key in ("id", "project", "entity")} == {None}


def test_cores_and_threads_of_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert surroundings.cores_of_affinity() == 8
    surroundings.share_cores(8)
    assert "OMP_NUM_THREADS" not in os.environ
    surroundings.share_cores(2)
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert os.environ["OMP_WAIT_POLICY"] == "active"
