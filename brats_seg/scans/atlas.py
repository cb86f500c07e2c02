"""The target space: the 1 mm LPS grid of BraTS, and the skull-stripped T1 that brains are turned to.

Covered by tests/scans/test_align.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brats_seg import nifti
from brats_seg.errors import FileError
from brats_seg.geometry import bounding_box
from brats_seg.scans.images import Image, read_image, to_itk
from brats_seg.scans.packages import folder_of

SHAPE = (155, 240, 240)
"""Of BraTS, ``(z, y, x)``."""
TOP_MM = 6
"""Between the crown of the default atlas and the top of the grid; what does not fit below is the end of the
brain stem."""
ICBM152 = "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
"""In nilearn: the symmetric ICBM152 2009a T1 (Fonov et al. 2011), skull-stripped, 1 mm."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """What brains are turned to.

    Attributes:
        name: For the record.
        image: Skull-stripped, background 0, in its place in the target space.
        geometry: The target grid.
    """

    name: str
    image: Image
    geometry: nifti.Geometry


def read_atlas(path: Path | None = None) -> Atlas:
    """Read an atlas.

    Args:
        path: A skull-stripped volume, background 0, such as SRI24's T1. One that has the shape of BraTS
            and voxels of 1 mm
            gives its own space; another one is moved, not turned, into the middle of the grid. None:
            ICBM152 of nilearn.

    Returns:
        The image and the grid.

    Raises:
        FileError: The file is no usable volume, or is not skull-stripped.
        UserError: nilearn is not installed.
    """
    name = str(path) if path else "ICBM152 2009a"
    path = path or folder_of("nilearn") / ICBM152
    image, volume = read_image(path)
    if volume.array.min() < 0 or np.mean(volume.array == 0) < 0.1:
        raise FileError(path, "a skull-stripped atlas with background 0", "none")
    geometry = volume.geometry
    if geometry.shape == SHAPE and max(abs(size - 1) for size in geometry.spacing_mm) < 0.01:
        return Atlas(name, to_itk(volume.array.astype(np.float32), geometry), geometry)
    grid = nifti.lps_geometry(SHAPE)
    box = bounding_box(volume.array > 0)
    assert box is not None  # it is not empty: read_image saw two values
    z, y, x = ((a + b - 1) / 2 for a, b in zip(box.start, box.stop, strict=True))
    middle = np.array(image.TransformContinuousIndexToPhysicalPoint((x, y, z)))
    height_mm = (box.stop[0] - box.start[0]) * geometry.spacing_mm[0]
    target = np.array([119.5, -119.5, SHAPE[0] - TOP_MM - height_mm / 2])
    image.SetOrigin((np.array(image.GetOrigin()) + target - middle).tolist())
    return Atlas(name, image, grid)


def grid_image(atlas: Atlas) -> Image:
    """An empty image on the target grid."""
    return to_itk(np.zeros(atlas.geometry.shape, np.uint8), atlas.geometry)
