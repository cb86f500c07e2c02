"""One fold of one experiment, from a configuration to a bundle."""

from __future__ import annotations

import time
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

import brats_seg
from brats_seg.bundles import save_bundle
from brats_seg.data import BraTSDataModule
from brats_seg.data.quiet import quiet_lightning
from brats_seg.errors import UserError
from brats_seg.models import UNet
from brats_seg.models.precision import default_precision
from brats_seg.training.allocator import keep_freed_memory
from brats_seg.training.average import Facts, read_weights
from brats_seg.training.callbacks import (
    BestWeights,
    CaseLosses,
    CyclicSWA,
    MetricsFile,
    Overlays,
    Progress,
    Resources,
    StepSeed,
    TwoCheckpoints,
    WholeCheckpointIO,
    usable_checkpoint,
)
from brats_seg.training.config import build
from brats_seg.training.initial import initial_bundle
from brats_seg.training.module import SegmentationModule
from brats_seg.training.preparation import prepare_with_progress
from brats_seg.training.processes import is_first_process, without_requeue
from brats_seg.training.run_folder import RunFolder
from brats_seg.training.trackers import describe, log_bundle, make_trackers


def train(config: DictConfig) -> Path:
    """Train, or continue, or find it finished.

    Args:
        config: ``conf/train.yaml`` as composed, with its ``name`` filled in.

    Returns:
        The run folder, which holds a bundle.

    Raises:
        UserError: Data or configuration cannot be used, or the folder belongs to another training.
    """
    _refuse_impossible(config)
    folder = RunFolder(Path(config.runs_root) / config.name / f"fold_{config.fold}")
    data: BraTSDataModule = build(config.data)
    if config.keep == "best" and not data.split.validation:
        raise UserError(
            "keep=best chooses by validation loss and nothing validates here: use keep=last, or give validation cases"
        )
    first = is_first_process(config)
    with folder.lock() if first else nullcontext():
        checkpoint = usable_checkpoint(folder.checkpoints)
        initial = initial_bundle(config) if checkpoint is None else None
        split = {"train": data.split.train, "validation": data.split.validation}
        plain = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
        if first:
            folder.claim(plain, split)
        if folder.finished:
            print(f"{folder.path}: finished before, nothing to do")
            return folder.path
        prepare_with_progress(data)
        if first:
            folder.write_status("running")
        pl.seed_everything(config.seed, workers=True, verbose=False)
        net: UNet = build(config.model)
        if initial is not None:
            net.load_state_dict(initial.net().state_dict())
        with make_trackers(config, folder.path) as trackers:
            _fit(config, data, folder, net, checkpoint, trackers, describe(plain, split))
        if first:
            folder.write_status("finished", epochs=epochs(config))
    return folder.path


def epochs(config: DictConfig) -> int:
    """How many a training takes: its schedule, then the cycles of weight averaging."""
    return _base_epochs(config) + int(config.swa.cycles * config.swa.cycle_epochs)


def _base_epochs(config: DictConfig) -> int:
    return int(config.schedule.constant_epochs + config.schedule.cosine_epochs)


def _refuse_impossible(config: DictConfig) -> None:
    """Name what cannot work before anything is read or written."""
    if missing := OmegaConf.missing_keys(config):
        raise UserError(f"missing {' '.join(f'{key}=...' for key in sorted(missing))}")
    if config.filtered and config.data.exclude is None:
        raise UserError("a filtered training needs data.exclude=FILE, a list of the case ids to leave out")
    if "max_epochs" in config.trainer:
        raise UserError(
            "trainer.max_epochs follows from the schedule: override schedule.constant_epochs, schedule.cosine_epochs, swa.cycles"
        )
    if config.keep not in ("last", "best"):
        raise UserError(f"keep={config.keep}: use last or best")
    if config.keep == "best" and config.swa.cycles:
        raise UserError(f"swa.cycles={config.swa.cycles} end in a mean of snapshots: use keep=last")


def _fit(
    config: DictConfig,
    data: BraTSDataModule,
    folder: RunFolder,
    net: UNet,
    checkpoint: Path | None,
    trackers: list[Logger],
    description: dict[str, Any],
) -> None:
    keep_freed_memory()
    quiet_lightning()
    net.checkpointing = config.checkpointing
    if config.compile:
        net.compile()
    module = SegmentationModule(net, build(config.loss), build(config.optimizer), channels_last=config.channels_last)
    facts = {"pipeline": config.pipeline, "architecture": net.settings(), "normalisation": data.normalise.settings()}
    swa: CyclicSWA = build(config.swa, first_epoch=_base_epochs(config), folder=folder.snapshots, facts=facts)
    trainer = _trainer(config, folder, swa, facts, trackers)
    for tracker in trackers:
        tracker.log_hyperparams(description)
    began = time.perf_counter()
    trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    provenance = {
        "experiment": config.name,
        "fold": str(config.fold),
        "seed": config.seed,
        "epochs": epochs(config),
        "weights": _final_weights(config, folder, module, swa),
        "init": str(config.init),
        "training_cases": len(data.split.train),
        "seconds_this_start": round(time.perf_counter() - began),
        "versions": {"brats_seg": brats_seg.__version__, "torch": torch.__version__, "lightning": version("pytorch-lightning")},
    }
    scores = _scores(trainer, module, data)
    if trainer.is_global_zero:
        save_bundle(
            folder.bundle,
            net,
            pipeline=config.pipeline,
            normalisation=data.normalise.settings(),
            provenance=provenance,
            scores=scores,
        )
        log_bundle(trackers, folder.bundle)


def _final_weights(config: DictConfig, folder: RunFolder, module: SegmentationModule, swa: CyclicSWA) -> str:
    """Put them into the network, from files alone: a training that was cut off here ends the same way."""
    if swa.snapshots:
        swa.load_average(module)
        return f"mean of {len(swa.snapshots)} snapshots"
    if config.keep == "last":
        return "last epoch"
    if not folder.best_weights.exists():
        raise UserError(f"{folder.path}: no validation loss was finite, so there are no best weights")
    weights, facts = read_weights(folder.best_weights)
    module.net.load_state_dict(weights)
    return f"epoch {facts['epoch']}, which has the lowest validation loss"


def _scores(trainer: pl.Trainer, module: SegmentationModule, data: BraTSDataModule) -> dict[str, float]:
    """Validate the final weights."""
    if not data.split.validation:
        return {}
    trainer.callbacks = []  # type: ignore[attr-defined]  # they watched the training, which is over
    trainer.loggers = []
    return {key: float(value) for key, value in trainer.validate(module, datamodule=data, verbose=False)[0].items()}


def _trainer(config: DictConfig, folder: RunFolder, swa: CyclicSWA, facts: Facts, trackers: list[Logger]) -> pl.Trainer:
    callbacks: list[pl.Callback] = [
        StepSeed(config.seed),
        build(config.schedule),
        swa,
        Resources(),
        Overlays(**config.overlays),
        CaseLosses(folder.path / "case_losses.csv"),
        MetricsFile(folder.path / "metrics.csv"),
        Progress(),
        TwoCheckpoints(folder.checkpoints),
    ]
    if config.keep == "best":
        callbacks.append(BestWeights(folder.best_weights, facts))
    precision = default_precision() if config.trainer.precision == "auto" else config.trainer.precision
    return without_requeue(
        build(
            config.trainer,
            precision=precision,
            max_epochs=epochs(config),
            callbacks=callbacks,
            plugins=[WholeCheckpointIO()],
            logger=trackers or False,
            default_root_dir=folder.path,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        ),
    )
