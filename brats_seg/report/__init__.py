"""A report as a folder of static pages: the cohort, and every case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brats_seg.lazy import exports

if TYPE_CHECKING:
    from brats_seg.report.report import write_report
    from brats_seg.report.settings import ReportSettings
    from brats_seg.report.summary import write_case_summary

__all__ = ["ReportSettings", "write_case_summary", "write_report"]

# Not at once: matplotlib takes a second.
__getattr__ = exports(
    __name__,
    {"ReportSettings": "settings", "write_case_summary": "summary", "write_report": "report"},
)
