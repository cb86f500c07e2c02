"""How a report is written. Covered by tests/report/test_report.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """The keys of ``conf/report.yaml`` that are no folders.

    Attributes:
        title: Of the report.
        convention: Name of the scoring convention of the scores; None: as the evaluation folder records.
        prediction_labels: Name of the label values of the predictions; None: as the JSON beside each records.
        reference_labels: Name of the label values of the truths; None: as their file names imply.
        pdf: Write a summary of each case on one page, as PDF and as CSV, into ``summaries/``.
        viewer: Put the 3-D viewer in the page of each case, where it is installed.
        overwrite: Replace pages that this program has not written.
        orientation: Of files whose header tells no space; None: as the JSON beside the prediction says.
        patterns: As for :func:`brats_seg.cases.find_cases`, where the references have other file names.
    """

    title: str
    convention: str | None
    prediction_labels: str | None
    reference_labels: str | None
    viewer: bool
    pdf: bool
    overwrite: bool
    orientation: str | None
    patterns: Mapping[str, str | None]

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> ReportSettings:
        """From the keys of ``conf/report.yaml``."""
        return cls(
            title=values["title"],
            convention=values["convention"],
            prediction_labels=values["labels"]["predictions"],
            reference_labels=values["labels"]["references"],
            viewer=values["viewer"],
            pdf=values["pdf"],
            overwrite=values["overwrite"],
            orientation=values["orientation"],
            patterns=values.get("patterns") or {},
        )

    @classmethod
    def default(cls, **changes: Any) -> ReportSettings:
        """As in ``conf/report.yaml``, so that every default has one place.

        Args:
            changes: Attributes that differ.

        Returns:
            The settings.
        """
        text = (files("brats_seg.conf") / "report.yaml").read_text(encoding="utf-8")
        return replace(cls.from_plain(yaml.safe_load(text)), **changes)
