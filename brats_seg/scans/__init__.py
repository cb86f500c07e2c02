"""Raw scans to the space of BraTS and back to the scanner's own; an optional extra, ``pip install 'brats-
seg[scans]'``."""

from brats_seg.scans.align import align, align_case
from brats_seg.scans.aligned_folder import AlignedFolder
from brats_seg.scans.settings import AlignSettings

__all__ = ["AlignSettings", "AlignedFolder", "align", "align_case"]
