"""From the last epoch to the bundle, by files alone: a training that is cut off here ends the same way."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

import brats_seg
from brats_seg.artifacts.bundles import save_bundle
from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.data import BraTSDataModule
from brats_seg.errors import UserError
from brats_seg.training.callbacks import BestWeights, CyclicSWA
from brats_seg.training.module import SegmentationModule
from brats_seg.training.trainer import epochs
from brats_seg.training.weights import read_weights


def finish(
    config: DictConfig,
    data: BraTSDataModule,
    folder: RunFolder,
    module: SegmentationModule,
    trainer: pl.Trainer,
    seconds: float,
) -> None:
    """Choose the final weights, validate them, write the bundle.

    Args:
        config: Of the training.
        data: Its cases.
        folder: Where it lives.
        module: Holds the network.
        trainer: Has trained it.
        seconds: Of this start.

    Raises:
        UserError: The weights to choose are not there.
    """
    provenance = {
        "experiment": config.name,
        "fold": str(config.fold),
        "seed": config.seed,
        "epochs": epochs(config),
        "weights": _choose(config, folder, module, trainer),
        "init": str(config.init),
        "training_cases": len(data.split.train),
        "seconds_this_start": round(seconds),
        "versions": {
            "brats_seg": brats_seg.__version__,
            "torch": torch.__version__,
            "lightning": version("pytorch-lightning"),
        },
    }
    scores = _validate(trainer, module, data)
    if trainer.is_global_zero:
        normalisation: dict[str, Any] = data.normalise.settings()
        place = {"pipeline": config.pipeline, "normalisation": normalisation, "provenance": provenance}
        save_bundle(folder.bundle, module.net, **place, scores=scores)


def _choose(config: DictConfig, folder: RunFolder, module: SegmentationModule, trainer: pl.Trainer) -> str:
    """Put the final weights into the network and say which they are."""
    swa = next(c for c in trainer.callbacks if isinstance(c, CyclicSWA))  # type: ignore[attr-defined]
    if swa.snapshots:
        swa.load_average(module)
        return f"mean of {len(swa.snapshots)} snapshots"
    if config.keep == "last":
        return "last epoch"
    best = next(c for c in trainer.callbacks if isinstance(c, BestWeights))  # type: ignore[attr-defined]
    best.check()
    if best.epoch < 0:
        raise UserError(f"{folder.path}: no validation loss was finite, so there are no best weights")
    weights, facts = read_weights(folder.best_weights)
    module.net.load_state_dict(weights)
    return f"epoch {facts['epoch']}, which has the lowest validation loss"


def _validate(trainer: pl.Trainer, module: SegmentationModule, data: BraTSDataModule) -> dict[str, float]:
    if not data.split.validation:
        return {}
    trainer.callbacks = []  # type: ignore[attr-defined]  # they watched the training, which is over
    trainer.loggers = []
    return {
        key: float(value)
        for key, value in trainer.validate(module, datamodule=data, verbose=False)[0].items()
    }
