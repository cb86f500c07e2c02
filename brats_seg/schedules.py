"""Learning rates and snapshot epochs as plain numbers. Epochs count from 0."""

from __future__ import annotations

import math


def cosine_decay(epoch: int, base_rate: float, constant_epochs: int, cosine_epochs: int) -> float:
    """Constant, then half a cosine to zero (section 2.5).

    Args:
        epoch: From 0.
        base_rate: Of the constant epochs.
        constant_epochs: How many.
        cosine_epochs: Length of the half cosine.

    Returns:
        The learning rate of that epoch.

    >>> [cosine_decay(epoch, 1e-4, 2, 2) for epoch in range(5)]
    [0.0001, 0.0001, 0.0001, 5e-05, 0.0]
    """
    if epoch < constant_epochs:
        return base_rate
    return base_rate * (1 + math.cos(math.pi * (epoch - constant_epochs) / cosine_epochs)) / 2


def cyclic_swa(
    epoch: int, base_rate: float, first_epoch: int, cycle_epochs: int, cosine_epochs: int
) -> float:
    """Half a cosine that starts afresh in every cycle of stochastic weight averaging (section 2.5).

    Args:
        epoch: Not before ``first_epoch``.
        base_rate: At the start of each cycle; the paper's is half that of the base epochs.
        first_epoch: Of the first cycle.
        cycle_epochs: Length of a cycle.
        cosine_epochs: Over which the rate would reach zero; the released code takes more than a cycle has.

    Returns:
        The learning rate of that epoch.

    >>> [cyclic_swa(epoch, 1e-4, 200, 2, 2) for epoch in (200, 201, 202)]
    [0.0001, 5e-05, 0.0001]
    """
    return cosine_decay((epoch - first_epoch) % cycle_epochs, base_rate, 0, cosine_epochs)


def swa_snapshot_epochs(
    first_epoch: int, cycles: int, cycle_epochs: int, every: int, *, count_base: bool
) -> list[int]:
    """Epochs at whose end the weights join the average (section 2.5).

    Args:
        first_epoch: Of the first cycle.
        cycles: How many.
        cycle_epochs: Length of a cycle.
        every: Epochs between snapshots, counted within each cycle.
        count_base: Also the weights that the first cycle starts from, as the released code does.

    Returns:
        Ascending.

    >>> swa_snapshot_epochs(200, 2, 30, 10, count_base=False)
    [209, 219, 229, 239, 249, 259]
    """
    epochs = [first_epoch - 1] if count_base else []
    for cycle in range(cycles):
        start = first_epoch + cycle * cycle_epochs
        epochs += range(start + every - 1, start + cycle_epochs, every)
    return epochs


def ramp_up(epoch: int, epochs: int) -> float:
    """From nearly 0 to 1 along a Gaussian, ``exp(-5 (1 - t)^2)`` with t = epoch / epochs.

    Laine and Aila (2017), section 2, and Tarvainen and Valpola (2017) after them.

    Args:
        epoch: From 0.
        epochs: How many it takes.

    Returns:
        The share of the full weight in that epoch.

    >>> [round(ramp_up(epoch, 2), 3) for epoch in range(4)]
    [0.007, 0.287, 1.0, 1.0]
    """
    rest = 1 - min(epoch / epochs, 1) if epochs else 0
    return math.exp(-5 * rest**2)
