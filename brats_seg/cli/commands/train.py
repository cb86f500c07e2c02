"""`brats-seg train`."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.jobs import Job, isolated


def summary(jobs: Sequence[Job]) -> None:
    """The last screen of a multirun."""
    from brats_seg.training.config import load_config
    from brats_seg.workflows.sweep import show

    show([(load_config(job.overrides), job.result or job.message) for job in jobs])


@command("train", summary)
def main(config: DictConfig) -> object:
    """Train one fold of one experiment, or continue it; then predict and score the cases that validate."""
    from brats_seg.training.config import with_name
    from brats_seg.workflows.sweep import train_job

    return isolated(train_job, with_name(config))


if __name__ == "__main__":
    main()
