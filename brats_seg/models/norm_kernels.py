"""Triton kernels of group norm and ReLU over rows ``(samples, voxels, channels)``: 16 bit, float32 within.

A first kernel reduces runs of voxels to moments per channel, a second one combines them per group, a third
one changes every value. Instance norm is group norm with one channel to a group. Offsets of whole runs are 64
bit. Names shared by all: ``voxels`` of a sample, ``run`` voxels of a run (a multiple of ``ROWS``), ``runs``
of a sample, ``C`` channels, ``SIZE`` channels of a group, ``COLUMNS`` a power of two that holds the channels,
``ROWS`` how many rows are taken at once.

Covered by tests/models/test_fused_norm.py.
"""

# mypy: disable-error-code="no-untyped-def, misc"

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def moments_kernel(
    x, means, squares, voxels, run, C: tl.constexpr, COLUMNS: tl.constexpr, ROWS: tl.constexpr
):
    """Mean of a run and sum of squared distances from it, per channel, by Welford's update.

    Args:
        x: Rows, 16 bit.
        means, squares: Answers, ``(samples, runs, channels)``.
        voxels, run, C, COLUMNS, ROWS: See the module.
    """
    first = tl.program_id(0) * run
    sample = tl.program_id(1).to(tl.int64)
    rows = tl.arange(0, ROWS)
    columns = tl.arange(0, COLUMNS)
    start = x + (sample * voxels + first) * C
    last = tl.minimum(run, voxels - first)
    mean = tl.zeros((ROWS, COLUMNS), tl.float32)
    square = tl.zeros((ROWS, COLUMNS), tl.float32)
    for row in range(0, last, ROWS):
        inside = ((row + rows) < last)[:, None] & (columns < C)[None, :]
        value = tl.load(start + (row + rows)[:, None] * C + columns[None, :], mask=inside, other=0.0).to(
            tl.float32
        )
        distance = tl.where(inside, value - mean, 0.0)
        mean += distance * (1.0 / (row // ROWS + 1))
        square += distance * (value - mean)
    count = ((last - rows + ROWS - 1) // ROWS).to(tl.float32)[
        :, None
    ]  # how many turns of the loop saw each row
    together = tl.sum(mean * count, 0) / last
    distance = mean - together[None, :]
    place = (sample * tl.num_programs(0) + tl.program_id(0)) * C + columns
    tl.store(means + place, together, mask=columns < C)
    tl.store(squares + place, tl.sum(square + count * distance * distance, 0), mask=columns < C)


@triton.jit
@no_type_check
def combine_moments_kernel(
    means,
    squares,
    mean,
    rstd,
    voxels,
    run,
    runs,
    eps,
    C: tl.constexpr,
    SIZE: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Mean of a group, and one over its standard deviation, from the moments of its channels and runs.

    Args:
        means, squares: From :func:`moments_kernel`.
        mean, rstd: Answers, ``(samples, groups)``.
        eps: Added to the variance.
        voxels, run, runs, C, SIZE: See the module.
        COLUMNS: A power of two that holds ``SIZE``.
        ROWS: How many runs are taken at once.
    """
    group = tl.program_id(0)
    sample = tl.program_id(1)
    rows = tl.arange(0, ROWS)
    columns = tl.arange(0, COLUMNS)
    start = sample * runs * C + group * SIZE
    total = 1.0 * voxels * SIZE
    sums = tl.zeros((ROWS, COLUMNS), tl.float32)
    for row in range(0, runs, ROWS):
        inside = ((row + rows) < runs)[:, None] & (columns < SIZE)[None, :]
        count = tl.minimum(run, voxels - (row + rows) * run).to(tl.float32)[:, None]
        sums += count * tl.load(
            means + start + (row + rows)[:, None] * C + columns[None, :], mask=inside, other=0.0
        )
    middle = tl.sum(tl.sum(sums, 1), 0) / total
    spread = tl.zeros((ROWS, COLUMNS), tl.float32)
    for row in range(0, runs, ROWS):
        inside = ((row + rows) < runs)[:, None] & (columns < SIZE)[None, :]
        count = tl.minimum(run, voxels - (row + rows) * run).to(tl.float32)[:, None]
        place = start + (row + rows)[:, None] * C + columns[None, :]
        distance = tl.where(inside, tl.load(means + place, mask=inside, other=0.0) - middle, 0.0)
        spread += tl.load(squares + place, mask=inside, other=0.0) + count * distance * distance
    variance = tl.sum(tl.sum(spread, 1), 0) / total
    place = sample * tl.num_programs(0) + group
    tl.store(mean + place, middle)
    tl.store(rstd + place, 1.0 / tl.sqrt(variance + eps))


@triton.jit
@no_type_check
def normalise_kernel(
    x,
    weight,
    bias,
    mean,
    rstd,
    y,
    voxels,
    run,
    C: tl.constexpr,
    SIZE: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,
):
    """``relu((x - mean) * rstd * weight + bias)`` of one run.

    Args:
        x: Rows, 16 bit.
        weight, bias: ``(channels,)``.
        mean, rstd: ``(samples, groups)``.
        y: Answer, as ``x``.
        voxels, run, C, SIZE, COLUMNS, ROWS: See the module.
    """
    first = tl.program_id(0) * run
    sample = tl.program_id(1).to(tl.int64)
    rows = tl.arange(0, ROWS)
    columns = tl.arange(0, COLUMNS)
    held = columns < C
    group = sample * (C // SIZE) + columns // SIZE
    scale = tl.load(weight + columns, mask=held, other=0.0).to(tl.float32) * tl.load(
        rstd + group, mask=held, other=0.0
    )
    shift = tl.load(bias + columns, mask=held, other=0.0).to(tl.float32)
    middle = tl.load(mean + group, mask=held, other=0.0)
    start = (sample * voxels + first) * C
    last = tl.minimum(run, voxels - first)
    for row in range(0, last, ROWS):
        inside = ((row + rows) < last)[:, None] & held[None, :]
        place = (row + rows)[:, None] * C + columns[None, :]
        value = tl.load(x + start + place, mask=inside, other=0.0).to(tl.float32)
        value = (value - middle[None, :]) * scale[None, :] + shift[None, :]
        value = tl.where(value < 0.0, 0.0, value)  # no maximum: what is not a number stays so
        tl.store(y + start + place, value.to(y.dtype.element_ty), mask=inside)
