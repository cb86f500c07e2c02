"""A Lightning trainer with the callbacks of one training. Covered by tests/training/test_run.py."""

from __future__ import annotations

from typing import Any, TypeVar

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import AdvancedProfiler, PyTorchProfiler, SimpleProfiler

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.runtime.precision import training_precision
from brats_seg.runtime.processes import without_requeue
from brats_seg.runtime.scaler import without_asking
from brats_seg.training.callbacks import (
    Autotune,
    BestWeights,
    CaseLosses,
    CyclicSWA,
    ExponentialAverage,
    FrozenEncoder,
    MeanTeacher,
    MetricsFile,
    Overlays,
    Progress,
    Resources,
    StepSeed,
    TwoCheckpoints,
    WholeCheckpointIO,
)
from brats_seg.training.config import build
from brats_seg.training.weights import Facts

Callback = TypeVar("Callback", bound=pl.Callback)

PROFILERS = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}


def epochs(config: DictConfig) -> int:
    """How many epochs a training takes: its schedule, then the cycles of weight averaging."""
    return base_epochs(config) + int(config.swa.cycles * config.swa.cycle_epochs)


def base_epochs(config: DictConfig) -> int:
    """How many epochs the schedule alone takes."""
    return int(config.schedule.constant_epochs + config.schedule.cosine_epochs)


def make_callbacks(config: DictConfig, folder: RunFolder, facts: Facts) -> list[pl.Callback]:
    """Everything that watches or steers, ``callbacks`` of the configuration included.

    The checkpoint comes last, so that it holds what the others did.

    Args:
        config: Of the training.
        folder: Where they write.
        facts: Written beside weights in their files.

    Returns:
        The callbacks, in the order in which Lightning calls them.
    """
    swa: CyclicSWA = build(config.swa, first_epoch=base_epochs(config), folder=folder.snapshots, facts=facts)
    best = [BestWeights(folder.best_weights, facts)] if config.keep == "best" else []
    average = _average(config)
    autotune = [Autotune()] if config.cudnn_benchmark is True and not config.deterministic else []
    frozen = [FrozenEncoder(config.fine_tune.frozen_epochs)] if config.fine_tune.frozen_epochs else []
    own = [build(node) for node in config.callbacks.values()]
    return [
        StepSeed(config.seed),
        build(config.schedule),
        swa,
        *best,
        *average,
        *autotune,
        *frozen,
        Resources(),
        Overlays(**config.overlays),
        CaseLosses(folder.case_losses),
        MetricsFile(folder.metrics),
        Progress(),
        *own,
        TwoCheckpoints(folder.checkpoints, config.checkpoint_minutes, [swa, *best]),
    ]


def _average(config: DictConfig) -> list[ExponentialAverage]:
    if config.mean_teacher.weight:
        return [MeanTeacher(**config.mean_teacher, **config.ema)]
    return [ExponentialAverage(**config.ema)] if config.ema.decay else []


def find_callback(trainer: pl.Trainer, kind: type[Callback]) -> Callback:
    """The callback of a kind.

    Args:
        trainer: Of :func:`make_trainer`.
        kind: Its class.

    Returns:
        The first of them.
    """
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, kind):
            return callback
    raise AssertionError(kind)


def make_trainer(
    config: DictConfig, folder: RunFolder, callbacks: list[pl.Callback], trackers: list[Logger]
) -> pl.Trainer:
    """Make the trainer that ``trainer`` describes, for as many epochs as the schedule and the cycles take.

    Args:
        config: Of the training.
        folder: Of the run.
        callbacks: Of :func:`make_callbacks`.
        trackers: Loggers besides ``metrics.csv``; none: Lightning logs nowhere.

    Returns:
        A trainer that shows no bar and writes no files of its own.
    """
    precision = training_precision(config.trainer.precision, config.trainer.accelerator)
    trainer: pl.Trainer = build(
        config.trainer,
        precision=precision,
        max_epochs=epochs(config),
        callbacks=callbacks,
        plugins=[WholeCheckpointIO()],
        logger=trackers or False,
        profiler=_profiler(config, folder),
        default_root_dir=folder.path,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    return without_asking(without_requeue(trainer))


def _profiler(config: DictConfig, folder: RunFolder) -> Any:
    """What ``trainer.profiler`` names, writing into the run folder: Lightning's own would only log."""
    asked = config.trainer.get("profiler")
    return PROFILERS[asked](dirpath=folder.path, filename="profile") if asked in PROFILERS else asked
