"""One fold of one experiment, from a configuration to a bundle."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint

import brats_seg
from brats_seg.bundles import save_bundle
from brats_seg.data import BraTSDataModule
from brats_seg.data.quiet import quiet_lightning
from brats_seg.errors import UserError
from brats_seg.models.precision import default_precision
from brats_seg.training.allocator import keep_freed_memory
from brats_seg.training.callbacks import MetricsFile, Progress
from brats_seg.training.config import build
from brats_seg.training.module import SegmentationModule
from brats_seg.training.preparation import prepare_with_progress
from brats_seg.training.run_folder import RunFolder


def train(config: DictConfig) -> Path:
    """Train, or continue, or find it finished.

    Args:
        config: ``conf/train.yaml`` as composed, with its ``name`` filled in.

    Returns:
        The run folder, which holds a bundle.

    Raises:
        UserError: Data or configuration cannot be used, or the folder belongs to another training.
    """
    folder = RunFolder(Path(config.runs_root) / config.name / f"fold_{config.fold}")
    data: BraTSDataModule = build(config.data)
    if config.keep == "best" and not data.split.validation:
        raise UserError(
            "keep=best chooses by validation loss and nothing validates here: use keep=last, or give validation cases"
        )
    with folder.lock():
        split = {"train": data.split.train, "validation": data.split.validation}
        folder.claim(cast(dict[str, Any], OmegaConf.to_container(config, resolve=True)), split)
        if folder.finished:
            print(f"{folder.path}: finished before, nothing to do")
            return folder.path
        prepare_with_progress(data)
        folder.write_status("running")
        _fit(config, data, folder)
        folder.write_status("finished", epochs=_epochs(config))
    return folder.path


def _fit(config: DictConfig, data: BraTSDataModule, folder: RunFolder) -> None:
    keep_freed_memory()
    quiet_lightning()
    pl.seed_everything(config.seed, workers=True, verbose=False)
    module = SegmentationModule(
        build(config.model), build(config.loss), build(config.optimizer), channels_last=config.channels_last
    )
    began = time.perf_counter()
    trainer = _trainer(config, folder)
    trainer.fit(module, datamodule=data, ckpt_path=folder.last_checkpoint, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    scores = {key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("val/")}
    for watcher in (c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint) and c.monitor):
        best = torch.load(folder.checkpoints / "best.ckpt", weights_only=True)
        module.load_state_dict(best["state_dict"])
        scores = {str(watcher.monitor): float(cast(torch.Tensor, watcher.best_model_score)), "epoch": best["epoch"]}
    provenance = {
        "experiment": config.name,
        "fold": str(config.fold),
        "seed": config.seed,
        "epochs": _epochs(config),
        "training_cases": len(data.split.train),
        "seconds_this_start": round(time.perf_counter() - began),
        "versions": {"brats_seg": brats_seg.__version__, "torch": torch.__version__, "lightning": version("pytorch-lightning")},
    }
    save_bundle(
        folder.bundle,
        module.net,
        pipeline=config.pipeline,
        normalisation=data.normalise.settings(),
        provenance=provenance,
        scores=scores,
    )


def _epochs(config: DictConfig) -> int:
    return int(config.schedule.constant_epochs + config.schedule.cosine_epochs)


def _trainer(config: DictConfig, folder: RunFolder) -> pl.Trainer:
    if "max_epochs" in config.trainer:
        raise UserError(
            "trainer.max_epochs follows from the schedule: override schedule.constant_epochs and schedule.cosine_epochs"
        )
    every_epoch: dict[str, Any] = {
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
        "dirpath": folder.checkpoints,
    }
    callbacks: list[pl.Callback] = [
        build(config.schedule),
        MetricsFile(folder.path / "metrics.csv"),
        Progress(),
        ModelCheckpoint(filename="last", **every_epoch),
    ]
    if config.keep == "best":
        callbacks.append(ModelCheckpoint(filename="best", monitor="val/loss", mode="min", **every_epoch))
    precision = default_precision() if config.trainer.precision == "auto" else config.trainer.precision
    return cast(
        pl.Trainer,
        build(
            config.trainer,
            precision=precision,
            max_epochs=_epochs(config),
            callbacks=callbacks,
            logger=False,
            default_root_dir=folder.path,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        ),
    )
