"""`brats-seg train`. Covered by tests/cli/test_experiments.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.jobs import Job
from brats_seg.cli.schemas import Data, Patterns, Scale
from brats_seg.kinds import Amount, Count, Positive


def summarise(jobs: Sequence[Job]) -> None:
    """Show how the trainings of a multirun ended."""
    from brats_seg.training import load_config
    from brats_seg.workflows.sweep import show_outcomes

    show_outcomes([(load_config(job.overrides), job.result or job.message) for job in jobs])


@dataclass(frozen=True)
class Optimizer:
    """The key that every optimiser has."""

    lr: Amount


@dataclass(frozen=True)
class Trainer:
    """What Lightning's own annotations leave open."""

    precision: str | int
    devices: int | str | list[int]
    num_nodes: Positive
    check_val_every_n_epoch: Positive
    accumulate_grad_batches: Positive
    gradient_clip_val: Amount | None


@dataclass(frozen=True)
class Overlays:
    """Arguments of :class:`brats_seg.training.callbacks.Overlays`."""

    every_epochs: Count
    cases: Count


@dataclass(frozen=True)
class FineTune:
    """How a training that starts from a bundle treats its weights."""

    frozen_epochs: Count
    old_rate: Amount


@dataclass(frozen=True)
class Ema:
    """Arguments of :class:`brats_seg.training.callbacks.ExponentialAverage`."""

    decay: Amount


@dataclass(frozen=True)
class MeanTeacher:
    """What :class:`brats_seg.training.callbacks.MeanTeacher` takes besides the average's decay."""

    weight: Amount
    ramp: Amount
    first_decay: Amount


@dataclass(frozen=True)
class OutOfFold:
    """What follows a training."""

    predict: bool
    tta: str


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/train.yaml`` and the kinds of their values."""

    scale: Scale
    data: Data
    patterns: Patterns
    orientation: str | None
    model: Any
    loss: Any
    optimizer: Optimizer
    schedule: Any
    swa: Any
    trainer: Trainer
    logger: Any
    callbacks: Any
    fold: Count | Literal["all"]
    seed: Count
    runs_root: str
    name: str | None
    objective: str | None
    pipeline: Literal["a", "b"]
    norm: Literal["group", "instance"]
    keep: str
    filtered: bool
    ema: Ema
    mean_teacher: MeanTeacher
    init: str | None
    fine_tune: FineTune
    channels_last: bool
    fused_norm: bool
    compile: bool | Literal["auto"]
    cudnn_benchmark: bool | Literal["auto"]
    checkpoint_minutes: Amount
    checkpointing: bool
    deterministic: bool
    overlays: Overlays
    out_of_fold: OutOfFold


@command("train", summarise)
def main(config: DictConfig) -> object:
    """Train one fold of one experiment, or continue it; then predict and score the cases that validate."""
    from functools import partial

    from pytorch_lightning.utilities import rank_zero_only

    from brats_seg.runtime.isolated_jobs import isolated
    from brats_seg.training.config import overrides_of_name, with_name
    from brats_seg.workflows import train_and_predict

    task = partial(train_and_predict, overrides=overrides_of_name())
    outcome = isolated(task, with_name(config))
    rank_zero_only(print)(outcome.folder, flush=True)
    return outcome


if __name__ == "__main__":
    main()
