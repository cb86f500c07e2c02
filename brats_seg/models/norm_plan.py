"""How the kernels of :mod:`brats_seg.models.fused_norm` share out a tensor.

Covered by tests/models/test_fused_norm.py.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

TILE = 2048
"""Values that a program holds at once: 16 for each of its 128 threads."""
PROGRAMS = 2048
"""At most so many for a kernel: some waves on every card."""
LEAST_TILES = 4
"""Of a program, so that partial sums are few beside the values."""
COMBINED = 1024
"""Partial sums that a program of the second stage holds at once."""


class Plan(NamedTuple):
    """How the rows ``(samples, voxels, channels)`` of a tensor are shared out.

    Attributes:
        samples, voxels, channels: Of the tensor.
        columns: The power of two that holds the channels.
        rows: Taken at once.
        run: Voxels of one program, a multiple of ``rows``.
        runs: Of one sample.
    """

    samples: int
    voxels: int
    channels: int
    columns: int
    rows: int
    run: int
    runs: int

    @property
    def grid(self) -> tuple[int, int]:
        """One program for each run of each sample."""
        return self.runs, self.samples


def plan(shape: torch.Size) -> Plan:
    """The plan for ``(samples, channels, z, y, x)``."""
    samples, channels = shape[:2]
    voxels = shape[2:].numel()
    columns = power_of_two(channels)
    rows = max(1, TILE // columns)
    wanted = _quotient(voxels * samples, PROGRAMS)
    run = rows * max(LEAST_TILES, _quotient(wanted, rows))
    return Plan(samples, voxels, channels, columns, rows, run, _quotient(voxels, run))


def second_stage_sizes(channels: int, size: int) -> dict[str, int]:
    """What the kernels that combine partial sums are compiled for.

    Args:
        channels: Of the tensor.
        size: Channels of a group.

    Returns:
        Their constants by name.
    """
    columns = power_of_two(size)
    return {"C": channels, "SIZE": size, "COLUMNS": columns, "ROWS": max(1, COMBINED // columns)}


def power_of_two(value: int) -> int:
    """The smallest that is no smaller."""
    return 1 << (value - 1).bit_length()


def _quotient(value: int, by: int) -> int:
    """Rounded up."""
    return -(-value // by)
