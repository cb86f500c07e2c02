"""What this process may use of the machine: cores and memory."""

from __future__ import annotations

import math
import os
from pathlib import Path

CONTROL_GROUPS = Path("/sys/fs/cgroup")
"""Where Linux mounts control groups, version 2; containers and Slurm limit their processes by them."""
OWN_GROUP = Path("/proc/self/cgroup")
"""Names the control group of this process."""


def cores() -> int:
    """Cores that this process may use: those of its affinity, or fewer where its control group has a quota.

    ``os.cpu_count()`` gives the machine's, whatever a container or Slurm allows.
    """
    allowed = len(os.sched_getaffinity(0))
    for group in _groups():
        try:
            quota, period = (group / "cpu.max").read_text().split()
            allowed = min(allowed, math.ceil(int(quota) / int(period)))
        except (OSError, ValueError):  # no such file, or "max": no quota
            continue
    return max(allowed, 1)


def memory_bytes() -> tuple[int, int]:
    """Memory that this process may use, of the machine or of its control group, whichever is less.

    Returns:
        Free and total bytes.
    """
    free = _free_bytes()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for group in _groups():
        try:
            limit = int((group / "memory.max").read_text())
            used = int((group / "memory.current").read_text())
        except (OSError, ValueError):  # no such file, or "max": no limit
            continue
        free, total = min(free, limit - used), min(total, limit)
    return free, total


def _groups() -> list[Path]:
    """The folder of this process's control group, and those of the groups around it."""
    try:
        name = OWN_GROUP.read_text().rpartition("::")[2].strip().lstrip("/")
    except OSError:
        name = ""
    group = CONTROL_GROUPS / name
    outer = [folder for folder in group.parents if folder.is_relative_to(CONTROL_GROUPS)]
    return [group, *outer]


def _free_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("Linux before 3.14")
