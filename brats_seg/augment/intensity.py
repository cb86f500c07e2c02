"""Changes of intensities: gamma, and what is linear along each axis, blur and low resolution.

The latter are products with one small matrix per axis: fast on every device, and the same in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Matrix = Callable[[int, torch.device], Tensor]
"""The size of an axis and a device to ``(channel, new voxel, old voxel)``."""
PRODUCTS = ("cij,cjyx->ciyx", "cij,czjx->czix", "cij,czyj->czyi")
LEAST_RANGE = 1e-6
"""Of the intensities of a channel that gamma changes; a constant one stays."""


def channel_deviation(image: Float[Tensor, "modality z y x"]) -> Float[Tensor, "modality 1 1 1"]:
    """Population standard deviation of the non-zero voxels of each channel; 0 for a channel of zeros."""
    space = (1, 2, 3)
    count = (image != 0).sum(space, keepdim=True).clamp(min=1)
    mean = image.sum(space, keepdim=True) / count
    # Zeros add nothing to either sum.
    variance = image.square().sum(space, keepdim=True) / count - mean.square()
    return variance.clamp(min=0).sqrt()


def gamma_changed(
    image: Float[Tensor, "modality z y x"], exponents: Sequence[float]
) -> Float[Tensor, "modality z y x"]:
    """Intensities between a channel's least and greatest to a power; both ends stay where they are.

    Args:
        image: In normalised units.
        exponents: Of each channel; below 1 brightens.

    Returns:
        A new image.
    """
    least, greatest = image.amin((1, 2, 3), keepdim=True), image.amax((1, 2, 3), keepdim=True)
    extent = (greatest - least).clamp(min=LEAST_RANGE)
    share = (image - least).div_(extent)
    for channel, exponent in zip(share, exponents, strict=True):
        channel.pow_(exponent)
    return share.mul_(extent).add_(least)


def along_axes(image: Float[Tensor, "modality z y x"], matrix: Matrix) -> Float[Tensor, "modality z y x"]:
    """Apply a linear change along each axis in turn.

    Args:
        image: In normalised units.
        matrix: Gives the change along an axis.

    Returns:
        A new image.
    """
    for size, product in zip(image.shape[1:], PRODUCTS, strict=True):
        image = torch.einsum(product, matrix(size, image.device), image)
    return image.contiguous()


def blur_matrix(
    deviations: Sequence[float], size: int, device: torch.device
) -> Float[Tensor, "modality size size"]:
    """A Gaussian; at the border only what lies inside counts, so a constant stays constant.

    Args:
        deviations: Of each channel, in voxels.
        size: Of the axis, in voxels.
        device: For the matrix.

    Returns:
        Rows that sum to 1.
    """
    place = torch.arange(size, device=device, dtype=torch.float32)
    distance = (place[:, None] - place).square()
    weights = torch.stack([torch.exp(distance / (-2 * deviation**2)) for deviation in deviations])
    return weights / weights.sum(2, keepdim=True)


def low_resolution_matrix(
    shares: Sequence[float], size: int, device: torch.device
) -> Float[Tensor, "modality size size"]:
    """Take fewer voxels, each the nearest old one, and interpolate linearly between them.

    Args:
        shares: Of the voxels that each channel keeps.
        size: Of the axis, in voxels.
        device: For the matrix.

    Returns:
        Rows that sum to 1.
    """
    matrices = []
    for share in shares:
        count = max(round(size * share), 1)
        kept = torch.arange(count, device=device)
        place = (torch.arange(size, device=device) + 0.5) * count / size - 0.5
        weights = (1 - (place.clamp(0, count - 1)[:, None] - kept).abs()).clamp(min=0)
        nearest = ((kept + 0.5) * size / count).floor().long()
        matrix = torch.zeros(size, size, device=device)
        matrix[:, nearest] = weights
        matrices.append(matrix)
    return torch.stack(matrices)
