"""Brain tumour segmentation in MRI: the BraTS 2020 solution of Henry et al., and beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brats_seg.lazy import exports

if TYPE_CHECKING:
    from brats_seg.inference import Segmentation, Segmenter

__all__ = ["Segmentation", "Segmenter", "__version__"]
__version__ = "0.2.0"

# Not at once: torch takes seconds.
__getattr__ = exports(__name__, {"Segmentation": "inference", "Segmenter": "inference"})
