"""What this process may use, whatever the machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from brats_seg.runtime import cores, machine, memory_bytes, worker_count

GIB = 2**30


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The control group of this process, two below the root."""
    (tmp_path / "own").write_text("12:cpu:/other\n0::/slurm/job\n")
    monkeypatch.setattr(machine, "OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(machine, "CONTROL_GROUPS", tmp_path)
    group = tmp_path / "slurm" / "job"
    group.mkdir(parents=True)
    return group


def test_without_limits_these_are_the_affinity_and_the_machine(group: Path) -> None:
    (group / "cpu.max").write_text("max 100000\n")
    (group / "memory.max").write_text("max\n")
    assert cores() == len(os.sched_getaffinity(0))
    free, total = memory_bytes()
    assert 0 < free <= total


def test_affinity_counts(monkeypatch: pytest.MonkeyPatch, group: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(12)))
    assert cores() == 12


@pytest.mark.parametrize(("quota", "expected"), [(250000, 3), (50000, 1)])
def test_a_quota_of_any_group_around_counts(
    monkeypatch: pytest.MonkeyPatch, group: Path, quota: int, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(12)))
    (group / "cpu.max").write_text("1000000 100000\n")
    (group.parent / "cpu.max").write_text(f"{quota} 100000\n")
    assert cores() == expected


def test_a_limit_of_memory_counts(group: Path) -> None:
    (group.parent / "memory.max").write_text(str(GIB))
    (group.parent / "memory.current").write_text(str(GIB // 4))
    assert memory_bytes() == (3 * GIB // 4, GIB)


def test_groups_of_the_first_version_count_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "own").write_text("4:memory:/pod\n3:cpu,cpuacct:/pod\n")
    monkeypatch.setattr(machine, "OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(machine, "CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(12)))
    for name, value in {
        "cpu/cpu.cfs_quota_us": 150_000,  # a container sees its own group at the root
        "cpu/cpu.cfs_period_us": 100_000,
        "cpu/pod/cpu.cfs_quota_us": -1,
        "cpu/pod/cpu.cfs_period_us": 100_000,
        "memory/pod/memory.limit_in_bytes": GIB,
        "memory/pod/memory.usage_in_bytes": GIB // 4,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    assert cores() == 2
    assert memory_bytes() == (3 * GIB // 4, GIB)


def test_workers_are_the_cores_or_those_asked_for() -> None:
    assert worker_count(None) == cores()
    assert worker_count(0) == 0
    assert worker_count(7) == 7
