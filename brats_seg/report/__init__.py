"""A report as a folder of static pages: the cohort, and every case."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brats_seg.report.report import write_report
    from brats_seg.report.settings import ReportSettings

__all__ = ["ReportSettings", "write_report"]

_MODULES = {"ReportSettings": "settings", "write_report": "report"}


def __getattr__(name: str) -> Any:
    # Not at once: matplotlib takes a second.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(name)
