"""In which label values everything is shown. Covered by tests/report/test_report.py."""

from __future__ import annotations

from brats_seg.labels import LABEL_VALUES

SHOWN = LABEL_VALUES["brats2024"]
"""Label values in which all label maps are shown: they have no gap."""
