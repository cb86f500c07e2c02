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
    """Let threads that wait leave the cores to others, and take no more of them than this process may.

    Unless the environment says otherwise. Threads that spin while they wait make a training three times as
    slow beside other work. OpenMP reads this when torch is imported, and does not know of control groups.

    Args:
        allowed: Cores that this process may use.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if allowed < cores_of_affinity():
        os.environ.setdefault("OMP_NUM_THREADS", str(allowed))


def is_drawn_as_delivered() -> bool:
    """Whether this process, or one that started it, has called :func:`draw_as_delivered`."""
    return os.environ.get("MATPLOTLIBRC") == os.devnull
