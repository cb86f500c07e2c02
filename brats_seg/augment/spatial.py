"""Rotation and zoom of image and target together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Motion:
    """A rotation and a zoom about the centre of a patch.

    Attributes:
        degrees: Angles about the axes z, y and x; that about z comes first.
        zoom: Factor of every length; above 1 enlarges.
    """

    degrees: tuple[float, float, float]
    zoom: float

    def matrix(self) -> Float[Tensor, "3 3"]:
        """From a place in the old patch to its place in the new one, ``(z, y, x)`` about the centre."""
        about_z, about_y, about_x = (_rotation(axis, angle) for axis, angle in enumerate(self.degrees))
        return self.zoom * about_x @ about_y @ about_z


def moved(
    image: Float[Tensor, "modality z y x"], target: Shaped[Tensor, "region z y x"], motion: Motion
) -> tuple[Float[Tensor, "modality z y x"], Shaped[Tensor, "region z y x"]]:
    """Rotate and zoom about the centre, trilinear; zeros come in from outside.

    A voxel belongs to a region where at least half of what it is interpolated from does, so nested regions
    stay nested.

    Args:
        image: In normalised units.
        target: 0 or 1.
        motion: How.

    Returns:
        Image and target, of the same shapes and types.
    """
    both = torch.cat([image, target.to(image.dtype)])[None]
    grid = _places(motion, both)[None]
    sampled = functional.grid_sample(both, grid, padding_mode="zeros", align_corners=False)[0]
    return sampled[: len(image)], (sampled[len(image) :] >= 0.5).to(target.dtype)


def _places(motion: Motion, like: Tensor) -> Tensor:
    """Where each voxel of the new patch lay in the old one: ``(z, y, x, 3)``, as grid_sample counts.

    That is along (x, y, z), from -1 to 1. Made of plain numbers, for which no device has to be waited.
    """
    sizes = like.shape[2:]
    old_from_new = torch.linalg.inv(motion.matrix()).tolist()
    axes = []
    for axis, size in enumerate(sizes):
        place = torch.arange(size, device=like.device, dtype=like.dtype) - (size - 1) / 2
        axes.append(place.view([-1 if other == axis else 1 for other in range(3)]))
    along = []
    for row, size in zip(old_from_new, sizes, strict=True):
        voxels = row[0] * axes[0] + row[1] * axes[1] + row[2] * axes[2]
        along.append(voxels * (2 / size))
    return torch.stack(along[::-1], -1)


def _rotation(axis: int, degrees: float) -> Tensor:
    """About one axis of ``(z, y, x)``."""
    first, second = (other for other in range(3) if other != axis)
    angle = math.radians(degrees)
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[first, first] = matrix[second, second] = math.cos(angle)
    matrix[first, second], matrix[second, first] = -math.sin(angle), math.sin(angle)
    return matrix
