"""Brain tumour segmentation in MRI: the BraTS 2020 solution of Henry et al., and beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brats_seg.inference import Segmentation, Segmenter

__all__ = ["Segmentation", "Segmenter", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Not at once: torch takes seconds.
    if name not in ("Segmentation", "Segmenter"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from brats_seg import inference

    return getattr(inference, name)
