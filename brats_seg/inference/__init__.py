"""From bundles and cases to label maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brats_seg.inference.segmenter import Segmentation, Segmenter

__all__ = ["Segmentation", "Segmenter"]


def __getattr__(name: str) -> Any:
    # Not at once: `merge` needs no network.
    if name in __all__:
        from brats_seg.inference import segmenter

        return getattr(segmenter, name)
    raise AttributeError(name)
