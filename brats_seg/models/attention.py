"""CBAM (Woo et al. 2018) in three dimensions, as PAPER.md decides.

Covered by tests/models/test_unet.py.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from brats_seg.models.blocks import conv3d

REDUCTION = 16


class CBAM(nn.Module):
    """Channel attention, then spatial attention; shape is kept.

    Pooling by ``mean`` and ``amax``, because adaptive max-pooling has no deterministic CUDA backward.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // REDUCTION)
        self.shared = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels)
        )
        self.spatial = nn.Conv3d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Float[Tensor, "batch channel z y x"]) -> Float[Tensor, "batch channel z y x"]:
        """Weigh the channels, then the voxels."""
        space = (2, 3, 4)
        channel = self.shared(x.mean(space)) + self.shared(x.amax(space))
        x = x * channel.sigmoid()[..., None, None, None]
        pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        gated: Tensor = x * conv3d(pooled, self.spatial.weight, padding=3, dilation=1).sigmoid()
        return gated
