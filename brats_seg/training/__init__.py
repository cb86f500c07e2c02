"""From labelled cases to a bundle."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brats_seg.training.average import average_snapshots
    from brats_seg.training.config import load_config
    from brats_seg.training.module import SegmentationModule
    from brats_seg.training.run import Trained, train

__all__ = ["SegmentationModule", "Trained", "average_snapshots", "load_config", "train"]

_MODULES = {
    "SegmentationModule": "module",
    "Trained": "run",
    "average_snapshots": "average",
    "load_config": "config",
    "train": "run",
}


def __getattr__(name: str) -> Any:
    # Not at once: Lightning takes seconds.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
