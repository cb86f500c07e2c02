"""What the commands do not take from their surroundings: how matplotlib draws, how threads wait.

Covered by tests/cli/test_main.py.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

SETTINGS = "matplotlibrc"
"""A file of this name in the working folder comes before all others, whoever wrote it."""
SPINS = "3000"
"""Turns that a thread waits before it sleeps, some microseconds: the next loop often comes sooner."""


def draw_as_delivered() -> None:
    """Let matplotlib draw into files as it is delivered, in this process and those that it starts.

    The kernel of a notebook names a backend that this installation may lack, and matplotlib is imported by
    packages that draw nothing.
    """
    os.environ.update(MPLBACKEND="Agg", MATPLOTLIBRC=os.devnull)
    if "matplotlib" not in sys.modules and os.path.lexists(SETTINGS):
        with contextlib.chdir(Path(__file__).parent):
            import matplotlib  # noqa: F401


def cores_of_affinity() -> int:
    """Cores that this process may run on; all of the machine's where that is no choice (macOS)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_cores(allowed: int) -> None:
    """Let threads that wait leave the cores to others soon, and take no more of them than this process may.

    Unless the environment says otherwise. Threads that spin as long as they wait make a training slow beside
    other work; those that never spin make it slow on an idle machine, where every loop has to wake them
    (docs/performance.md). GNU's OpenMP, which torch brings, counts the turns; others only know the policy.
    OpenMP reads this when torch is imported, and does not know of control groups.

    Args:
        allowed: Cores that this process may use.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    if allowed < cores_of_affinity():
        os.environ.setdefault("OMP_NUM_THREADS", str(allowed))


def is_drawn_as_delivered() -> bool:
    """Whether this process, or one that started it, has called :func:`draw_as_delivered`."""
    return os.environ.get("MATPLOTLIBRC") == os.devnull
