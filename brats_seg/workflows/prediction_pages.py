"""The report of a prediction folder that `predict` and `segment` add to it.

Covered by tests/scans/test_segment_export.py.
"""

from __future__ import annotations

from pathlib import Path

from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.report import ReportSettings, write_report
from brats_seg.runtime import cores


def add_report(predictions: Path, *, overwrite: bool = False) -> list[str]:
    """Write ``report/``: a page, a one-page PDF and a CSV of every case in a prediction folder.

    Args:
        predictions: Prediction folder.
        overwrite: Replace pages that this program has not written.

    Returns:
        A line for each case that has none.
    """
    if not predictions.is_dir() or not PredictionFolder(predictions).label_map_files():
        return []  # the lines about the cases say why
    title = f"Predictions in {predictions.name}"
    settings = ReportSettings.default(title=title, pdf=True, overwrite=overwrite)
    failures = write_report(predictions, None, predictions / "report", settings, workers=cores())
    print(f"open {predictions / 'report' / 'index.html'}")
    return failures
