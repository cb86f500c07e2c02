"""From the last epoch to the bundle, by files alone: a training that is cut off here ends the same way.

Covered by tests/training/test_resume.py.
"""

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
from brats_seg.data.training_cases import describe_training_cases
from brats_seg.errors import UserError
from brats_seg.training.callbacks import BestWeights, CyclicSWA, ExponentialAverage
from brats_seg.training.module import SegmentationModule
from brats_seg.training.trainer import epochs, find_callback
from brats_seg.training.weights import read_weights
from brats_seg.trusted import distribution_versions


def finish(
    config: DictConfig,
    data: BraTSDataModule,
    folder: RunFolder,
    module: SegmentationModule,
    trainer: pl.Trainer,
) -> None:
    """Choose the final weights, validate them, write the bundle.

    Args:
        config: Of the training.
        data: Its cases.
        folder: The run folder.
        module: Holds the network.
        trainer: Has trained the network.

    Raises:
        UserError: The weights to choose are not there.
    """
    weights = _choose_weights(config, folder, module, trainer)
    scores = _validate(trainer, module, data)
    if trainer.is_global_zero:
        save_bundle(
            folder.bundle,
            module.net,
            pipeline=config.pipeline,
            normalisation=data.normalise.settings(),
            provenance=_provenance(config, data, weights),
            scores=scores,
        )


def _choose_weights(
    config: DictConfig, folder: RunFolder, module: SegmentationModule, trainer: pl.Trainer
) -> str:
    """Put the final weights into the network and say which they are."""
    swa = find_callback(trainer, CyclicSWA)
    if swa.snapshots:
        swa.load_average(module)
        return f"mean of {len(swa.snapshots)} snapshots"
    if config.ema.decay:
        find_callback(trainer, ExponentialAverage).load_average(module)
        return f"exponential average with a decay of {config.ema.decay}"
    if config.keep == "last":
        return "last epoch"
    best = find_callback(trainer, BestWeights)
    best.check()
    if best.epoch < 0:
        raise UserError(f"{folder.path}: no validation loss was finite, so there are no best weights")
    weights, facts = read_weights(folder.best_weights)
    module.net.load_state_dict(weights)
    return f"epoch {facts['epoch']}, which has the lowest validation loss"


def _provenance(config: DictConfig, data: BraTSDataModule, weights: str) -> dict[str, Any]:
    return {
        "experiment": config.name,
        "fold": str(config.fold),
        "seed": config.seed,
        "epochs": epochs(config),
        "weights": weights,
        "init": config.init,
        **describe_training_cases(data),
        "versions": {
            "brats_seg": brats_seg.__version__,
            "torch": torch.__version__,
            "lightning": version("pytorch-lightning"),
            **distribution_versions([config.model._target_, data.normalise.settings()["name"]]),
        },
    }


def _validate(trainer: pl.Trainer, module: SegmentationModule, data: BraTSDataModule) -> dict[str, float]:
    if not data.split.validation:
        return {}
    trainer.callbacks = []  # type: ignore[attr-defined]  # they watched the training, which is over
    trainer.loggers = []
    (scores,) = trainer.validate(module, datamodule=data, verbose=False)
    return {key: float(value) for key, value in scores.items()}
