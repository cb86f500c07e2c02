"""From bundles and cases to label maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brats_seg.lazy import exports

if TYPE_CHECKING:
    from brats_seg.inference.export_file import export
    from brats_seg.inference.merge import merge_label_maps
    from brats_seg.inference.merge_cases import merge_folders
    from brats_seg.inference.run import predict
    from brats_seg.inference.segmentation import Segmentation
    from brats_seg.inference.segmenter import Segmenter
    from brats_seg.inference.settings import Machine, Settings

__all__ = [
    "Machine",
    "Segmentation",
    "Segmenter",
    "Settings",
    "export",
    "merge_folders",
    "merge_label_maps",
    "predict",
]

# Not at once: `merge` needs no network.
__getattr__ = exports(
    __name__,
    {
        "Machine": "settings",
        "Segmentation": "segmentation",
        "Segmenter": "segmenter",
        "Settings": "settings",
        "export": "export_file",
        "merge_folders": "merge_cases",
        "merge_label_maps": "merge",
        "predict": "run",
    },
)
