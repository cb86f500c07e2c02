"""From labelled cases to a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brats_seg.lazy import exports

if TYPE_CHECKING:
    from brats_seg.training.average import average_snapshots
    from brats_seg.training.config import load_config
    from brats_seg.training.module import SegmentationModule
    from brats_seg.training.run import Trained, train

__all__ = ["SegmentationModule", "Trained", "average_snapshots", "load_config", "train"]

# Not at once: Lightning takes seconds.
__getattr__ = exports(
    __name__,
    {
        "SegmentationModule": "module",
        "Trained": "run",
        "average_snapshots": "average",
        "load_config": "config",
        "train": "run",
    },
)
