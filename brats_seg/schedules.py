"""Learning rates and snapshot epochs as plain numbers. Epochs count from 0."""

from __future__ import annotations

import math


def cosine_decay(epoch: int, base_rate: float, constant_epochs: int, cosine_epochs: int) -> float:
    """Constant, then half a cosine to zero (section 2.5)."""
    if epoch < constant_epochs:
        return base_rate
    return base_rate * (1 + math.cos(math.pi * (epoch - constant_epochs) / cosine_epochs)) / 2
