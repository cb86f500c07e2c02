"""Heads as a scanner gives them: with skull, each sequence on a grid, in an orientation and a place of its
own."""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from brats_seg import nifti
from brats_seg.geometry import Triple

MARGIN = 24
"""Voxels around the brain that hold fluid, bone, scalp and nose."""
SCALP = {"t1": 1.1, "t1ce": 1.1, "t2": 0.7, "flair": 0.5}
"""Brightness relative to the brain's."""
LAYERS_MM = {"fluid": 2, "bone": 7, "scalp": 13}
FLUID, BONE, NOISE = 0.3, 0.08, 0.02
GRIDS = {
    "t1": ("LAS", (0.9, 0.9, 5.0)),
    "t1ce": ("LPS", (0.9, 0.9, 5.0)),
    "t2": ("LSA", (0.8, 0.8, 4.0)),
    "flair": ("PSR", (1.0, 1.0, 4.5)),
}
"""Orientation, and millimetres along the file's axes."""
FIXED = "t1ce"
MOST_DEGREES, MOST_MM = 4.0, 5.0
"""Of a movement between two sequences."""
AXES = {"L": (-1, 0, 0), "R": (1, 0, 0), "P": (0, -1, 0), "A": (0, 1, 0), "I": (0, 0, -1), "S": (0, 0, 1)}


@dataclass(frozen=True, eq=False)
class RawHead:
    """One head as a scanner gives it.

    Attributes:
        images: Modality to the volume, int16.
        label_map: On the grid of the T1ce, uint8.
        brain: On the grid of the T1ce, uint8.
        movements: Modality to the 4 x 4 matrix (RAS, mm) that moved the head since the T1ce.
    """

    images: dict[str, nifti.Volume]
    label_map: nifti.Volume
    brain: nifti.Volume
    movements: dict[str, NDArray[np.float64]]


def make_head(
    images: dict[str, NDArray[np.int16]], label_map: NDArray[np.uint8], rng: np.random.Generator
) -> RawHead:
    """Put a stripped phantom into a head, and the head into a scanner.

    Args:
        images: Modality to ``(z, y, x)`` in LPS at 1 mm, background 0.
        label_map: On the same grid.
        rng: Source of movements and noise.

    Returns:
        The sequences and the truth about them.
    """
    shape = tuple(n + 2 * MARGIN for n in label_map.shape)
    grids = {name: _grid(codes, spacing, shape) for name, (codes, spacing) in GRIDS.items()}
    still = np.eye(4)
    movements = {name: still if name == FIXED else _movement(rng) for name in images}
    scanned = {}
    for name, image in images.items():
        whole = gaussian_filter(add_skull(image, SCALP[name]), 0.7)
        seen = _sample(whole, grids[name], movements[name], 1)
        noisy = seen + NOISE * whole.max() * np.abs(rng.standard_normal(seen.shape))
        scanned[name] = nifti.Volume(noisy.astype(np.int16), grids[name])
    brain = np.pad(images[FIXED] > 0, MARGIN).astype(np.float32)
    inside = (_sample(brain, grids[FIXED], still, 1) >= 0.5).astype(np.uint8)
    labels = _sample(np.pad(label_map, MARGIN), grids[FIXED], still, 0).astype(np.uint8)
    truth, mask = nifti.Volume(labels, grids[FIXED]), nifti.Volume(inside, grids[FIXED])
    return RawHead(scanned, truth, mask, movements)


def add_skull(image: NDArray[Any], scalp: float) -> NDArray[np.float32]:
    """A stripped image with margins, and fluid, bone, scalp and a nose around the brain.

    Args:
        image: ``(z, y, x)`` in LPS at 1 mm, background 0.
        scalp: Brightness relative to the brain's.

    Returns:
        :data:`MARGIN` voxels larger at each side.
    """
    padded = np.pad(image, MARGIN).astype(np.float32)
    level = float(np.median(image[image > 0]))
    away = np.asarray(distance_transform_edt(padded == 0))
    nearer = 0
    for (_, farther), share in zip(LAYERS_MM.items(), (FLUID, BONE, scalp), strict=True):
        padded[(away > nearer) & (away <= farther)] = share * level
        nearer = farther
    nose = np.zeros(padded.shape, bool)
    z, _, x = padded.shape
    nose[z // 2 - 40 : z // 2 - 10, 4:MARGIN, x // 2 - 8 : x // 2 + 8] = True
    padded[nose & (padded == 0)] = scalp * level
    return padded


def _grid(codes: str, spacing_mm: tuple[float, float, float], shape: tuple[int, ...]) -> nifti.Geometry:
    """A grid about the origin that holds the head."""
    affine, size = np.eye(4), []
    for axis, (code, step) in enumerate(zip(codes, spacing_mm, strict=True)):
        direction = np.array(AXES[code])
        affine[:3, axis] = direction * step
        along = 2 - int(np.flatnonzero(direction)[0])  # x is the last axis of an array
        size.append(int(np.ceil(shape[along] / step)))
    affine[:3, 3] = -affine[:3, :3] @ (np.array(size) - 1) / 2
    image = nib.Nifti1Image(np.zeros(size, np.uint8), affine)
    image.header.set_xyzt_units("mm", "sec")
    return nifti.from_image(image).geometry


def _movement(rng: np.random.Generator) -> NDArray[np.float64]:
    movement = np.eye(4)
    turns = rng.uniform(-MOST_DEGREES, MOST_DEGREES, 3)
    movement[:3, :3] = Rotation.from_euler("xyz", turns, degrees=True).as_matrix()
    movement[:3, 3] = rng.uniform(-MOST_MM, MOST_MM, 3)
    return movement


def _sample(
    head: NDArray[Any], grid: nifti.Geometry, movement: NDArray[np.float64], order: int
) -> NDArray[Any]:
    """A head ``(z, y, x)`` in LPS at 1 mm about the origin, moved, at the voxels of a grid."""
    shape: Triple = grid.shape
    place = np.diag([-1.0, -1.0, 1.0, 1.0])
    place[:3, 3] = -place[:3, :3] @ (np.array(head.shape[::-1]) - 1) / 2
    to = np.linalg.inv(place) @ np.linalg.inv(movement) @ grid.lps_affine
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape[::-1]), indexing="ij")).reshape(3, -1)
    points = to[:3, :3] @ index + to[:3, 3:]
    sampled = map_coordinates(head.transpose(2, 1, 0), points, order=order)
    return np.ascontiguousarray(sampled.reshape(shape[::-1]).transpose(2, 1, 0))
