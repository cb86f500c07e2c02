"""`brats-seg train`."""

from __future__ import annotations

from omegaconf import DictConfig

from brats_seg.cli.command import command


@command("train")
def main(config: DictConfig) -> None:
    """Train one fold of one experiment, or continue it; then predict and score the cases that validate."""
    from pytorch_lightning.utilities import rank_zero_only

    from brats_seg.training.config import with_name
    from brats_seg.workflows.out_of_fold import train_fold

    rank_zero_only(print)(train_fold(with_name(config)))


if __name__ == "__main__":
    main()
