"""`brats-seg train`."""

from __future__ import annotations

from omegaconf import DictConfig

from brats_seg.cli.command import command


@command("train")
def main(config: DictConfig) -> None:
    """Train one fold of one experiment, or continue it."""
    from pytorch_lightning.utilities import rank_zero_only

    from brats_seg.training.config import with_name
    from brats_seg.training.train import train

    rank_zero_only(print)(train(with_name(config)))


if __name__ == "__main__":
    main()
