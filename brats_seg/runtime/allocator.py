"""Keep freed memory in the process while training on a CPU.

Covered by tests/training/test_run.py, which trains with it, and measured by benchmarks/training.py.
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
"""From glibc's malloc.h."""


def keep_freed_memory() -> None:
    """Stop glibc from returning every large tensor to the kernel, which clears the pages for the next one.

    Measured by ``benchmarks/training.py``. Does nothing with another C library.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(M_ARENA_MAX, 1)
