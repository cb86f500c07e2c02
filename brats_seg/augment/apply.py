"""Apply what was drawn to one sample. Covered by tests/augment/test_batch.py."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from brats_seg.augment.draw import Draw
from brats_seg.augment.intensity import (
    along_axes,
    blur_matrix,
    channel_deviation,
    gamma_changed,
    low_resolution_matrix,
)
from brats_seg.augment.spatial import moved

NoiseUnit = Literal["channel_sd", "intensity"]
"""What a standard deviation of noise is measured in: see :class:`brats_seg.augment.batch.Augmentation`."""


def apply_draw(
    image: Float[Tensor, "modality z y x"],
    target: Shaped[Tensor, "region z y x"],
    draw: Draw,
    *,
    noise_sd: float,
    noise_unit: NoiseUnit,
) -> tuple[Float[Tensor, "modality z y x"], Shaped[Tensor, "region z y x"]]:
    """Apply one draw to one sample; the inputs are left as they are.

    Args:
        image: In normalised units.
        target: 0 or 1.
        draw: What happens to them.
        noise_sd: Standard deviation of the noise.
        noise_unit: Of ``noise_sd``.

    Returns:
        Image and target, augmented.
    """
    channel_sd = None
    if draw.noise_seed is not None and noise_unit == "channel_sd":
        channel_sd = channel_deviation(image)
    axes = [axis + 1 for axis in draw.flips]
    image, target = image.flip(axes), target.flip(axes)  # flip copies, so the rest may work in place
    if draw.motion is not None:
        image, target = moved(image, target, draw.motion)
    image = _with_contrast_and_detail(image, draw)
    # By plain numbers: a tensor of them would be copied to a GPU, and the copy waits for the GPU.
    if draw.scale is not None:
        for channel, factor in zip(image, draw.scale, strict=True):
            channel.mul_(factor)
    if draw.shift is not None:
        for channel, summand in zip(image, draw.shift, strict=True):
            channel.add_(summand)
    if draw.noise_seed is not None:
        generator = torch.Generator(image.device).manual_seed(draw.noise_seed)
        noise = torch.randn(image.shape, generator=generator, device=image.device, dtype=image.dtype)
        image.add_(noise if channel_sd is None else noise.mul_(channel_sd), alpha=noise_sd)
    if draw.dropped is not None:
        image[draw.dropped] = 0
    return image, target


def _with_contrast_and_detail(image: Tensor, draw: Draw) -> Tensor:
    """Gamma, blur, low resolution."""
    if draw.gamma is not None:
        image = gamma_changed(image, draw.gamma)
    if draw.blur is not None:
        image = along_axes(image, partial(blur_matrix, draw.blur))
    if draw.resolution is not None:
        image = along_axes(image, partial(low_resolution_matrix, draw.resolution))
    return image
