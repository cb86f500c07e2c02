"""The colours of uncertainty, the same in slices, viewer and colour bar.

Covered by tests/report/test_slices.py.
"""

from __future__ import annotations

import matplotlib
import numpy as np
from numpy.typing import NDArray

STOPS = 9
"""Colours between which the viewer and the colour bar go evenly."""


def warm(heat: NDArray[np.number]) -> NDArray[np.float64]:
    """The colour of each uncertainty.

    Args:
        heat: Any shape, 0 to 100.

    Returns:
        RGB in [0, 1], dark red to white, with a last axis of 3.
    """
    colours: NDArray[np.float64] = matplotlib.colormaps["inferno"](np.clip(heat / 100, 0, 1) * 0.7 + 0.3)
    return colours[..., :3]


HEAT: list[list[int]] = (255 * warm(np.linspace(0, 100, STOPS))).round().astype(int).tolist()
"""Red, green and blue from 0 to 255 at even steps of uncertainty from 0 to 100."""
