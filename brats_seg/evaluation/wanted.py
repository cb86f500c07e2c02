"""What is measured of a case. Covered by tests/evaluation/test_conventions.py."""

from __future__ import annotations

from dataclasses import dataclass

from brats_seg.evaluation.conventions import Convention
from brats_seg.evaluation.measures import METRICS


@dataclass(frozen=True)
class Wanted:
    """What to measure.

    Attributes:
        convention: Whose metrics.
        pipelines: Those whose own label maps the cohort has.
        intervals: Between the thresholds of the uncertainty scores; 0 leaves them out.
        bins: Of the reliability diagram; 0 leaves it out.
    """

    convention: Convention
    pipelines: tuple[str, ...] = ()
    intervals: int = 0
    bins: int = 0

    @property
    def further_metrics(self) -> list[str]:
        """The metrics that are measured besides those of the convention."""
        found = []
        for name, metric in METRICS.items():
            of_pipeline = metric.pipeline in self.pipelines
            of_uncertainty = metric.kind == "uncertainty" and self.intervals > 0
            of_calibration = metric.kind == "calibration" and self.bins > 0
            if of_pipeline or of_uncertainty or of_calibration:
                found.append(name)
        return found
