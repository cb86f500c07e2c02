"""Triton kernels of the backward pass of group norm and ReLU; names and layout as in :mod:`norm_kernels`.

With ``g`` the gradient where the ReLU was open, ``h`` the normalised value and ``w`` the weight,
``dx = rstd * (w g - m0 - h m1)``, where ``m0`` and ``m1`` are the means of ``w g`` and ``w g h`` over the
group. Whether the ReLU was open is computed again.

Covered by tests/models/test_fused_norm.py.
"""

# mypy: disable-error-code="no-untyped-def, misc"

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def gradient_sums_kernel(
    dy,
    x,
    weight,
    bias,
    mean,
    rstd,
    sums,
    products,
    voxels,
    run,
    C: tl.constexpr,
    SIZE: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Sums of ``g`` and of ``g h`` over one run, per channel.

    Args:
        dy, x: Rows, 16 bit.
        weight, bias: ``(channels,)``.
        mean, rstd: ``(samples, groups)``.
        sums, products: Answers, ``(samples, runs, channels)``.
        voxels, run, C, SIZE, COLUMNS, ROWS: See :mod:`norm_kernels`.
    """
    first = tl.program_id(0) * run
    sample = tl.program_id(1).to(tl.int64)
    rows = tl.arange(0, ROWS)
    columns = tl.arange(0, COLUMNS)
    held = columns < C
    group = sample * (C // SIZE) + columns // SIZE
    factor = tl.load(weight + columns, mask=held, other=0.0).to(tl.float32)
    shift = tl.load(bias + columns, mask=held, other=0.0).to(tl.float32)
    middle = tl.load(mean + group, mask=held, other=0.0)
    scale = tl.load(rstd + group, mask=held, other=0.0)
    start = (sample * voxels + first) * C
    last = tl.minimum(run, voxels - first)
    summed = tl.zeros((ROWS, COLUMNS), tl.float32)
    product = tl.zeros((ROWS, COLUMNS), tl.float32)
    for row in range(0, last, ROWS):
        inside = ((row + rows) < last)[:, None] & held[None, :]
        place = (row + rows)[:, None] * C + columns[None, :]
        value = (tl.load(x + start + place, mask=inside, other=0.0).to(tl.float32) - middle[None, :]) * scale[
            None, :
        ]
        gradient = tl.load(dy + start + place, mask=inside, other=0.0).to(tl.float32)
        gradient = tl.where(value * factor[None, :] + shift[None, :] <= 0.0, 0.0, gradient)
        summed += gradient
        product += gradient * value
    place = (sample * tl.num_programs(0) + tl.program_id(0)) * C + columns
    tl.store(sums + place, tl.sum(summed, 0), mask=held)
    tl.store(products + place, tl.sum(product, 0), mask=held)


@triton.jit
@no_type_check
def combine_gradient_sums_kernel(
    sums,
    products,
    weight,
    of_bias,
    of_weight,
    through_mean,
    through_scale,
    voxels,
    runs,
    C: tl.constexpr,
    SIZE: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Sums over all runs per channel, and from these ``m0`` and ``m1`` of a group.

    Args:
        sums, products: From :func:`gradient_sums_kernel`.
        weight: ``(channels,)``.
        of_bias, of_weight: Answers, ``(samples, channels)``: each sample's share of the gradients.
        through_mean, through_scale: Answers ``m0`` and ``m1``, ``(samples, groups)``.
        voxels, runs, C, SIZE: See :mod:`norm_kernels`.
        COLUMNS: A power of two that holds ``SIZE``.
        ROWS: How many runs are taken at once.
    """
    group = tl.program_id(0)
    sample = tl.program_id(1)
    rows = tl.arange(0, ROWS)
    columns = tl.arange(0, COLUMNS)
    held = columns < SIZE
    start = sample * runs * C + group * SIZE
    summed = tl.zeros((ROWS, COLUMNS), tl.float32)
    product = tl.zeros((ROWS, COLUMNS), tl.float32)
    for row in range(0, runs, ROWS):
        inside = ((row + rows) < runs)[:, None] & held[None, :]
        place = start + (row + rows)[:, None] * C + columns[None, :]
        summed += tl.load(sums + place, mask=inside, other=0.0)
        product += tl.load(products + place, mask=inside, other=0.0)
    factor = tl.load(weight + group * SIZE + columns, mask=held, other=0.0).to(tl.float32)
    channel_sum = tl.sum(summed, 0)
    channel_product = tl.sum(product, 0)
    total = 1.0 * voxels * SIZE
    place = sample * C + group * SIZE + columns
    tl.store(of_bias + place, channel_sum, mask=held)
    tl.store(of_weight + place, channel_product, mask=held)
    place = sample * tl.num_programs(0) + group
    tl.store(through_mean + place, tl.sum(channel_sum * factor, 0) / total)
    tl.store(through_scale + place, tl.sum(channel_product * factor, 0) / total)


@triton.jit
@no_type_check
def gradient_kernel(
    dy,
    x,
    weight,
    bias,
    mean,
    rstd,
    through_mean,
    through_scale,
    dx,
    voxels,
    run,
    C: tl.constexpr,
    SIZE: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,
):
    """``rstd * (w g - m0 - h m1)`` of one run.

    Args:
        dy, x: Rows, 16 bit.
        weight, bias: ``(channels,)``.
        mean, rstd, through_mean, through_scale: ``(samples, groups)``.
        dx: Answer, as ``x``.
        voxels, run, C, SIZE, COLUMNS, ROWS: See :mod:`norm_kernels`.
    """
    first = tl.program_id(0) * run
    sample = tl.program_id(1).to(tl.int64)
    rows = tl.arange(0, ROWS)
    columns = tl.arange(0, COLUMNS)
    held = columns < C
    group = sample * (C // SIZE) + columns // SIZE
    factor = tl.load(weight + columns, mask=held, other=0.0).to(tl.float32)
    shift = tl.load(bias + columns, mask=held, other=0.0).to(tl.float32)
    middle = tl.load(mean + group, mask=held, other=0.0)
    scale = tl.load(rstd + group, mask=held, other=0.0)
    m0 = tl.load(through_mean + group, mask=held, other=0.0)
    m1 = tl.load(through_scale + group, mask=held, other=0.0)
    start = (sample * voxels + first) * C
    last = tl.minimum(run, voxels - first)
    for row in range(0, last, ROWS):
        inside = ((row + rows) < last)[:, None] & held[None, :]
        place = (row + rows)[:, None] * C + columns[None, :]
        value = (tl.load(x + start + place, mask=inside, other=0.0).to(tl.float32) - middle[None, :]) * scale[
            None, :
        ]
        gradient = tl.load(dy + start + place, mask=inside, other=0.0).to(tl.float32)
        gradient = tl.where(value * factor[None, :] + shift[None, :] <= 0.0, 0.0, gradient)
        answer = scale[None, :] * (gradient * factor[None, :] - m0[None, :] - value * m1[None, :])
        tl.store(dx + start + place, answer.to(dx.dtype.element_ty), mask=inside)
