"""The files by which one stage hands its results to the next.

Run, prediction and evaluation folders, bundles, ensemble files: each has one module that names its files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brats_seg.lazy import exports

if TYPE_CHECKING:
    from brats_seg.artifacts.bundles import Bundle, Pipeline, load_bundle, save_bundle
    from brats_seg.artifacts.ensemble_file import open_bundles, write_ensemble
    from brats_seg.artifacts.evaluation_folder import EvaluationFolder
    from brats_seg.artifacts.prediction_folder import PredictionFolder
    from brats_seg.artifacts.run_folder import RunFolder

__all__ = [
    "Bundle",
    "EvaluationFolder",
    "Pipeline",
    "PredictionFolder",
    "RunFolder",
    "load_bundle",
    "open_bundles",
    "save_bundle",
    "write_ensemble",
]

# Not at once: torch takes seconds.
__getattr__ = exports(
    __name__,
    {
        "Bundle": "bundles",
        "EvaluationFolder": "evaluation_folder",
        "Pipeline": "bundles",
        "PredictionFolder": "prediction_folder",
        "RunFolder": "run_folder",
        "load_bundle": "bundles",
        "open_bundles": "ensemble_file",
        "save_bundle": "bundles",
        "write_ensemble": "ensemble_file",
    },
)
