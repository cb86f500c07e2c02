"""What this process may use of the machine: cores and memory."""

from __future__ import annotations

import math
import os
from pathlib import Path

from brats_seg.surroundings import cores_of_affinity

CONTROL_GROUPS = Path("/sys/fs/cgroup")
"""Where Linux mounts control groups; containers and Slurm limit their processes by them.

Version 1 has a folder for each controller there.
"""
OWN_GROUP = Path("/proc/self/cgroup")
"""Names the control groups of this process."""
MEMORY = Path("/proc/meminfo")
"""Says how much memory is free, on Linux."""


def cores() -> int:
    """Cores that this process may use: those of its affinity, or fewer where its control group has a quota.

    ``os.cpu_count()`` gives the machine's, whatever a container or Slurm allows.
    """
    allowed = cores_of_affinity()
    for group in _groups("cpu"):
        quota = _numbers(group, "cpu.max") or _numbers(group, "cpu.cfs_quota_us", "cpu.cfs_period_us")
        if quota is not None and quota[0] > 0:  # -1: none
            allowed = min(allowed, math.ceil(quota[0] / quota[1]))
    return max(allowed, 1)


def worker_count(asked: int | None) -> int:
    """What a key ``workers`` means.

    Args:
        asked: Its value; None: as many as this process may use cores.

    Returns:
        How many processes work; below 2: this one.
    """
    return cores() if asked is None else asked


def memory_bytes() -> tuple[int, int]:
    """Memory that this process may use, of the machine or of its control group, whichever is less.

    Returns:
        Free and total bytes.
    """
    free = _free_bytes()
    total = _total_bytes()
    for group in _groups("memory"):
        held = _numbers(group, "memory.max", "memory.current")
        held = held or _numbers(group, "memory.limit_in_bytes", "memory.usage_in_bytes")
        if held is not None:
            limit, used = held
            free, total = min(free, limit - used), min(total, limit)
    return free, total


def _numbers(group: Path, *names: str) -> tuple[int, int] | None:
    """The two numbers in the files of a group; None where there is no such file, or no limit in it."""
    try:
        first, second = " ".join((group / name).read_text() for name in names).split()
        return int(first), int(second)
    except (OSError, ValueError):
        return None


def _groups(controller: str) -> list[Path]:
    """The folders of this process's control groups, and of the groups around them, of both versions."""
    try:
        lines = OWN_GROUP.read_text().splitlines()
    except OSError:
        lines = ["0::/"]
    groups: list[Path] = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = CONTROL_GROUPS / controller if controllers else CONTROL_GROUPS
        group = root / name.lstrip("/")
        groups += [group, *(folder for folder in group.parents if folder.is_relative_to(root))]
    return groups


def _free_bytes() -> int:
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:  # macOS
        return _total_bytes()
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("Linux before 3.14")


def _total_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
