"""`brats-seg average`. Covered by tests/cli/test_experiments.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Folders, Packages


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/average.yaml`` and the kinds of their values."""

    snapshots: Folders
    output: str
    overwrite: bool
    trust: Packages


@command("average")
def main(config: DictConfig) -> None:
    """Make a bundle of the mean of snapshots."""
    from pathlib import Path

    from omegaconf import OmegaConf

    from brats_seg.training import average_snapshots

    several = OmegaConf.is_list(config.snapshots)
    snapshots = list(config.snapshots) if several else [config.snapshots]
    output = Path(config.output)
    print(average_snapshots(snapshots, output, config.trust, overwrite=config.overwrite))


if __name__ == "__main__":
    main()
