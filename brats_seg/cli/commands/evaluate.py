"""`brats-seg evaluate`. Covered by tests/evaluation/test_evaluation.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig, ListConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Folders, LabelsOfBoth, Patterns
from brats_seg.kinds import Count, Existing, Positive


@dataclass(frozen=True)
class UncertaintyScore:
    """The score of the BraTS uncertainty task."""

    score: bool
    intervals: Positive


@dataclass(frozen=True)
class CalibrationScore:
    """The calibration error."""

    score: bool
    bins: Positive


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/evaluate.yaml`` and the kinds of their values."""

    predictions: Folders
    references: Existing
    patterns: Patterns
    output: str
    overwrite: bool
    orientation: str | None
    convention: str
    labels: LabelsOfBoth
    missing: str
    paper: bool
    uncertainty: UncertaintyScore
    calibration: CalibrationScore
    seed: Count
    workers: Count | None


@command("evaluate")
def main(config: DictConfig) -> None:
    """Score predictions against references; several folders are ranked, too."""
    from pathlib import Path

    from brats_seg.evaluation import Scoring, compare, evaluate, show_comparison, show_evaluation
    from brats_seg.runtime import worker_count

    scoring = Scoring.from_plain(config)
    references, output = Path(config.references), Path(config.output)
    resources = {"patterns": config.patterns, "workers": worker_count(config.workers)}
    if isinstance(config.predictions, ListConfig):
        folders = [Path(folder) for folder in config.predictions]
        show_comparison(compare(folders, references, output, scoring, **resources))
    else:
        show_evaluation(evaluate(Path(config.predictions), references, output, scoring, **resources))


if __name__ == "__main__":
    main()
