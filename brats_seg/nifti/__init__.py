"""Read and write NIfTI: LPS order and ``(z, y, x)`` in memory, the file's own order on disk."""

from brats_seg.nifti.affine import check_orientation, is_orientation
from brats_seg.nifti.images import LARGEST_INTEGER_BYTES, channels_from_image, from_image
from brats_seg.nifti.names import is_nifti, stem
from brats_seg.nifti.reading import Volume, read, read_channels, read_geometry
from brats_seg.nifti.space import Geometry, corner_distance_mm, lps_geometry, same_space
from brats_seg.nifti.writing import to_image, write

__all__ = [
    "LARGEST_INTEGER_BYTES",
    "Geometry",
    "Volume",
    "channels_from_image",
    "check_orientation",
    "corner_distance_mm",
    "from_image",
    "is_nifti",
    "is_orientation",
    "lps_geometry",
    "read",
    "read_channels",
    "read_geometry",
    "same_space",
    "stem",
    "to_image",
    "write",
]
