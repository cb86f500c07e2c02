"""What the commands do not take from their surroundings: how matplotlib draws.

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


def is_drawn_as_delivered() -> bool:
    """Whether this process, or one that started it, has called :func:`draw_as_delivered`."""
    return os.environ.get("MATPLOTLIBRC") == os.devnull
