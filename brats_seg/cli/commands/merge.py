"""`brats-seg merge`. Covered by tests/test_wheel.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.kinds import Existing


@dataclass(frozen=True)
class LabelsOfPredictions:
    """Label values of both prediction folders."""

    predictions: str | None


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/merge.yaml`` and the kinds of their values."""

    a: Existing
    b: Existing
    output: str
    overwrite: bool
    labels: LabelsOfPredictions


@command("merge")
def main(config: DictConfig) -> None:
    """Merge the label maps of pipelines A and B."""
    from pathlib import Path

    from brats_seg.console import count
    from brats_seg.inference import merge_folders

    merged = merge_folders(
        Path(config.a),
        Path(config.b),
        Path(config.output),
        labels=config.labels.predictions,
        overwrite=config.overwrite,
    )
    print(f"{count(len(merged), 'case')} merged in {config.output}")


if __name__ == "__main__":
    main()
