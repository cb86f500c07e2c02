"""One fold of one experiment, from a configuration to a bundle."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

from brats_seg.artifacts.bundles import Bundle
from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.data import BraTSDataModule
from brats_seg.data.training_cases import count_training_cases
from brats_seg.errors import UserError
from brats_seg.runtime.allocator import keep_freed_memory
from brats_seg.runtime.card import usable_device
from brats_seg.runtime.precision import exact_float32, training_precision
from brats_seg.runtime.processes import is_first_process
from brats_seg.runtime.quiet import quiet_lightning
from brats_seg.runtime.signals import plain_signals
from brats_seg.training.callbacks import TwoCheckpoints, explained_checkpoint, usable_checkpoint
from brats_seg.training.config import build
from brats_seg.training.fill_cache import prepare_with_progress
from brats_seg.training.final_bundle import finish
from brats_seg.training.init_bundle import initial_bundle
from brats_seg.training.make_module import make_module
from brats_seg.training.network import packages_of
from brats_seg.training.refusals import refuse_impossible, refuse_other_normalisation
from brats_seg.training.trackers.tracker import describe, log_bundle, make_trackers
from brats_seg.training.trainer import epochs, make_callbacks, make_trainer

State = Literal["finished", "finished before", "resumed, finished"]
FINISHED: State = "finished"
FINISHED_BEFORE: State = "finished before"
RESUMED: State = "resumed, finished"

NOTHING_VALIDATES = (
    "keep=best chooses by validation loss and nothing validates here: use keep=last, or give validation cases"
)


@dataclass(frozen=True)
class Trained:
    """A training that has a bundle.

    Attributes:
        folder: The run folder.
        state: Whether this call trained from the start, found the training finished, or continued it.
        data: The cases of the training, and which of them validated.
    """

    folder: RunFolder
    state: State
    data: BraTSDataModule


def train(config: DictConfig) -> Trained:
    """Train, or continue, or find it finished.

    Args:
        config: ``conf/train.yaml`` as composed, with its ``name`` filled in.

    Returns:
        The run folder, which holds a bundle, what this call did, and the data.

    Raises:
        UserError: Data or configuration cannot be used, or the folder belongs to another training.
    """
    with trained(config) as (ended, _):
        return ended


@contextlib.contextmanager
def trained(config: DictConfig, overrides: Sequence[str] = ()) -> Iterator[tuple[Trained, Sequence[Logger]]]:
    """As :func:`train`; the run folder stays this process's own, and the trackers open, until the end.

    Args:
        config: As for :func:`train`.
        overrides: Those whose hash is the run's name, to be written beside its folds.

    Yields:
        What :func:`train` returns, and the trackers, which have recorded nothing where the training was
        finished before.

    Raises:
        UserError: As :func:`train`.
    """
    refuse_impossible(config)
    device = usable_device(config.trainer.accelerator, "trainer.accelerator")
    folder = RunFolder.of(config)
    data: BraTSDataModule = build(config.data)
    refuse_other_normalisation(data.normalise.settings(), packages_of(config))
    split = {"train": data.split.train, "validation": data.split.validation}
    if data.unlabelled_cases:
        split["unlabelled"] = tuple(case.id for case in data.unlabelled_cases)
    if config.keep == "best" and not data.split.validation:
        raise UserError(NOTHING_VALIDATES)
    plain = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    first = is_first_process(config)
    with folder.lock() if first else nullcontext():
        finished = folder.finished
        checkpoint = None if finished else usable_checkpoint(folder.checkpoints)
        initial = initial_bundle(config, begun=finished or checkpoint is not None)
        if first:
            folder.claim(plain, split, initial.sha256 if initial else None)
            folder.tell_overrides(overrides)
        with make_trackers(config, folder.path) as trackers:
            if finished:
                print(f"{folder.path}: finished before, nothing to do")
            else:
                settings = describe(plain, split)
                _train(config, data, folder, initial, checkpoint, _Record(device, settings, trackers))
            state = FINISHED_BEFORE if finished else RESUMED if checkpoint else FINISHED
            yield Trained(folder, state, data), trackers


@dataclass(frozen=True)
class _Record:
    """Where a training is told of: the device that it says, its settings, and the trackers."""

    device: str
    settings: Mapping[str, Any]
    trackers: Sequence[Logger]


def _train(
    config: DictConfig,
    data: BraTSDataModule,
    folder: RunFolder,
    initial: Bundle | None,
    checkpoint: Path | None,
    record: _Record,
) -> None:
    first = is_first_process(config)
    with folder.failure_recorded() if first else nullcontext():
        prepare_with_progress(data, verify=first)
        if first:
            precision = training_precision(config.trainer.precision, config.trainer.accelerator)
            print(f"{record.device}, {precision}", flush=True)
            folder.claim_data(data.checksums())
            folder.write_status("running")
        began = time.perf_counter()
        for tracker in record.trackers:
            tracker.log_hyperparams(dict(record.settings))
        _fit(config, data, folder, initial, checkpoint, record.trackers)
    if first:
        seconds = round(time.perf_counter() - began)
        folder.write_status("finished", epochs=epochs(config), seconds_this_start=seconds)


def _fit(
    config: DictConfig,
    data: BraTSDataModule,
    folder: RunFolder,
    initial: Bundle | None,
    checkpoint: Path | None,
    trackers: Sequence[Logger],
) -> None:
    exact_float32()
    quiet_lightning()
    pl.seed_everything(config.seed, workers=True, verbose=False)
    module = make_module(config, None if checkpoint else initial)
    facts = {
        "pipeline": config.pipeline,
        "architecture": module.net.settings(),
        "normalisation": data.normalise.settings(),
        **count_training_cases(data),
    }
    trainer = make_trainer(config, folder, make_callbacks(config, folder, facts), list(trackers))
    if trainer.strategy.root_device.type == "cpu":
        keep_freed_memory()
    checkpoints = trainer.checkpoint_callback
    assert isinstance(checkpoints, TwoCheckpoints)
    with plain_signals(trainer, before_end=checkpoints.write_held):
        with explained_checkpoint(checkpoint, trainer):
            trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        finish(config, data, folder, module, trainer)
    if trainer.is_global_zero:
        log_bundle(trackers, folder.bundle)
    data.trainer = None  # it holds the network and the optimiser, and the data are handed on
