"""`brats-seg train`."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.jobs import Job


def summarise(jobs: Sequence[Job]) -> None:
    """Show how the trainings of a multirun ended."""
    from brats_seg.training import load_config
    from brats_seg.workflows.sweep import show_outcomes

    show_outcomes([(load_config(job.overrides), job.result or job.message) for job in jobs])


@command("train", summarise)
def main(config: DictConfig) -> object:
    """Train one fold of one experiment, or continue it; then predict and score the cases that validate."""
    from pytorch_lightning.utilities import rank_zero_only

    from brats_seg.runtime.launchers import isolated
    from brats_seg.training.config import with_name
    from brats_seg.workflows import train_and_predict

    outcome = isolated(train_and_predict, with_name(config))
    rank_zero_only(print)(outcome.folder, flush=True)
    return outcome


if __name__ == "__main__":
    main()
