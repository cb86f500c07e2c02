"""`brats-seg report`. Covered by tests/report/test_report.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import LabelsOfBoth, Patterns
from brats_seg.kinds import Count, Existing, ExistingOrNone


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/report.yaml`` and the kinds of their values."""

    predictions: Existing
    references: ExistingOrNone
    patterns: Patterns
    output: str | None
    overwrite: bool
    orientation: str | None
    evaluation: ExistingOrNone
    convention: str | None
    labels: LabelsOfBoth
    runs: list[str]
    title: str
    viewer: bool
    pdf: bool
    workers: Count | None


@command("report")
def main(config: DictConfig) -> None:
    """Write a folder of static pages: the cohort, and every case with a 3-D viewer."""
    from pathlib import Path

    from brats_seg.errors import UserError
    from brats_seg.report import ReportSettings, write_report
    from brats_seg.report.pages import viewer_script
    from brats_seg.runtime import worker_count

    predictions = Path(config.predictions)
    output = predictions / "report" if config.output is None else Path(config.output)
    failures = write_report(
        predictions,
        None if config.references is None else Path(config.references),
        output,
        ReportSettings.from_plain(config),
        evaluation=None if config.evaluation is None else Path(config.evaluation),
        runs=[Path(run) for run in config.runs],
        workers=worker_count(config.workers),
    )
    print(f"open {output / 'index.html'}")
    if config.viewer and viewer_script() is None:
        print("without the 3-D viewer: make viewer adds it")
    if failures:
        raise UserError("\n".join(failures))


if __name__ == "__main__":
    main()
