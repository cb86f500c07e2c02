"""`brats-seg cv-summary`. Covered by tests/cross_validation/test_summary.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Folders
from brats_seg.kinds import Amount, Count, Positive


@dataclass(frozen=True)
class Keep:
    """Networks per fold."""

    a: Positive | None
    b: Positive | None


@dataclass(frozen=True)
class Bootstrap:
    """Of a mean difference."""

    draws: Positive
    confidence: Amount


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/cv_summary.yaml`` and the kinds of their values."""

    runs: Folders
    output: str
    overwrite: bool
    keep: Keep
    bootstrap: Bootstrap
    seed: Count
    paper: bool


@command("cv_summary")
def main(config: DictConfig) -> None:
    """Means over folds, differences between experiments, and the ensemble."""
    from pathlib import Path

    from brats_seg.cross_validation import Bootstrap, summarise_runs

    runs = [config.runs] if isinstance(config.runs, str) else list(config.runs)
    summarise_runs(
        [Path(run) for run in runs],
        Path(config.output),
        keep={"a": config.keep.a, "b": config.keep.b},
        bootstrap=Bootstrap(config.bootstrap.draws, config.bootstrap.confidence, config.seed),
        paper=config.paper,
        overwrite=config.overwrite,
    )


if __name__ == "__main__":
    main()
