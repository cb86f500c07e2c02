"""How sure is the ensemble, voxel by voxel, in the form of the BraTS uncertainty task: 0 (sure) to 100.

Covered by tests/inference/test_ensemble.py.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray

from brats_seg.inference.moments import Moments


def uncertainty(moments: Moments, kind: str) -> UInt8[NDArray[np.uint8], "region z y x"]:
    """Measure how much views and networks disagree.

    Args:
        moments: Of all views and networks; with squares for the variance.
        kind: ``"variance"`` of the probabilities over views and networks, where 100 is the largest possible,
            0.25; or ``"entropy"`` of their mean, where 100 is one bit.

    Returns:
        0 to 100.
    """
    if kind == "variance":
        share = moments.variance * 4
    else:
        mean = moments.mean
        share = -(torch.xlogy(mean, mean) + torch.xlogy(1 - mean, 1 - mean)) / np.log(2)
    scaled: NDArray[np.uint8] = (share * 100).round_().clamp_(0, 100).to(torch.uint8).cpu().numpy()
    return scaled
