"""What cannot work is named before anything is read or written. Covered by tests/training/test_run.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from brats_seg.errors import UserError, WrongValue, one_line
from brats_seg.preprocessing import normalisation_from
from brats_seg.runtime.processes import wants_several
from brats_seg.terms import DIVISOR, REGIONS
from brats_seg.training.config import locate, make_part
from brats_seg.training.network import make_network
from brats_seg.training.trainer import epochs

SET_BY_TRAINING = {
    "max_epochs": "override schedule.constant_epochs, schedule.cosine_epochs, swa.cycles",
    "callbacks": "add '+callbacks.mine={_target_: my_package.MyCallback}'",
    "logger": "use logger=csv, tensorboard or wandb",
    "default_root_dir": "use runs_root=DIR and name=NAME",
    "plugins": "leave it out",
    "num_sanity_val_steps": "leave it out",
    "enable_progress_bar": "leave it out",
    "enable_model_summary": "leave it out",
    "use_distributed_sampler": "leave it out",
}
"""Arguments of Lightning's trainer that ``make_trainer`` gives, and what to do instead."""


def refuse_impossible(config: DictConfig) -> None:
    """Name what cannot work before anything is read or written.

    Raises:
        UserError: A key is missing, or keys do not go together.
        WrongValue: A key has a value that no training can have, or belongs to another pipeline.
    """
    if missing := OmegaConf.missing_keys(config):
        raise UserError(f"missing {' '.join(f'{key}=...' for key in sorted(missing))}")
    if config.filtered and config.data.exclude is None:
        raise UserError("a filtered training needs data.exclude=FILE, a list of the case ids to leave out")
    _refuse_keys_that_follow(config)
    _refuse_other_pipeline(config)
    _refuse_choices(config)
    _refuse_average(config)
    _refuse_teaching(config)
    _refuse_fine_tuning(config)
    _refuse_parts(config)


def refuse_other_normalisation(settings: Mapping[str, Any], trust: Sequence[str]) -> None:
    """Refuse a normalisation that the bundle could not make again.

    Args:
        settings: :meth:`Normalisation.settings`.
        trust: Packages that the configuration names.

    Raises:
        WrongValue: Its settings do not make it.
    """
    try:
        normalisation_from(settings, trust)
    except UserError as error:
        raise WrongValue(f"data: the bundle could not keep the normalisation: {error}") from error


def _refuse_keys_that_follow(config: DictConfig) -> None:
    for key, instead in SET_BY_TRAINING.items():
        if config.trainer.get(key) is not None:
            raise WrongValue(f"trainer.{key} follows from the training: {instead}")
    for key, source in {"schedule.base_rate": "optimizer.lr", "swa.base_rate": "swa.optimizer.lr"}.items():
        rate = OmegaConf.select(config, key)
        if rate is not None and rate != OmegaConf.select(config, source):
            raise WrongValue(f"{key} follows from {source}: use {source}={rate}")


def _refuse_other_pipeline(config: DictConfig) -> None:
    """The data know which pipeline they are of; networks and losses may be tried in both."""
    theirs = getattr(locate("data", config.data), "pipeline", config.pipeline)
    if theirs != config.pipeline:
        raise WrongValue(
            f"data are of pipeline {theirs}, the experiment is of pipeline {config.pipeline}: "
            f"use data=pipeline_{config.pipeline}, or experiment=pipeline_{theirs}"
        )


def _refuse_choices(config: DictConfig) -> None:
    if wants_several(config) and config.trainer.get("strategy", "auto") == "auto":
        asked = f"trainer.devices={config.trainer.devices}"
        raise WrongValue(f"{asked} wants a process for each: use trainer=ddp {asked}")
    if config.keep not in ("last", "best"):
        raise WrongValue(f"keep={config.keep}: use last or best")
    if config.keep == "best" and config.swa.cycles:
        raise WrongValue(f"swa.cycles={config.swa.cycles} end in a mean of snapshots: use keep=last")
    every, last = config.trainer.check_val_every_n_epoch, epochs(config)
    if config.keep == "best" and every > last:
        raise WrongValue(
            f"keep=best chooses by validation loss: trainer.check_val_every_n_epoch={every} never validates "
            f"in the {last} epochs of schedule.constant_epochs and schedule.cosine_epochs; use at most {last}"
        )


def _refuse_average(config: DictConfig) -> None:
    if config.ema.decay and (config.keep == "best" or config.swa.cycles):
        raise WrongValue(f"ema.decay={config.ema.decay} ends in an average: use keep=last swa.cycles=0")
    if config.ema.decay >= 1:
        raise WrongValue(f"ema.decay={config.ema.decay}: the average needs a share of every step, below 1")


def _refuse_teaching(config: DictConfig) -> None:
    weight, unlabelled = config.mean_teacher.weight, config.data.get("unlabelled")
    if weight and not unlabelled:
        raise WrongValue(
            f"mean_teacher.weight={weight} needs data.unlabelled=DIR, a folder of cases without segmentations"
        )
    if weight and not config.ema.decay:
        raise WrongValue(f"mean_teacher.weight={weight} needs a teacher: ema.decay=0.999")
    if unlabelled and not weight:
        raise WrongValue(
            f"data.unlabelled={unlabelled}: nothing learns from it: use experiment=pipeline_a_mean_teacher, "
            "or mean_teacher.weight=10 ema.decay=0.999"
        )


def _refuse_fine_tuning(config: DictConfig) -> None:
    asked = config.fine_tune
    if config.init is None and (asked.frozen_epochs or asked.old_rate != 1):
        raise WrongValue(
            f"fine_tune.frozen_epochs={asked.frozen_epochs} fine_tune.old_rate={asked.old_rate}: "
            "they are of a training from a bundle, give init=BUNDLE"
        )


def _refuse_parts(config: DictConfig) -> None:
    """Make the parts once: a value that they refuse is found before the cases are prepared."""
    make_network(config.model)
    for key in ("optimizer", "swa.optimizer"):
        _refuse_optimizer(key, OmegaConf.select(config, key))
    _refuse_loss(config.loss)
    for key in ("schedule", "swa", "trainer"):
        locate(key, config[key])
    for name, node in config.get("logger", {}).items():
        locate(f"logger.{name}", node)
    for name, node in config.callbacks.items():
        key = f"callbacks.{name}"
        if not OmegaConf.is_dict(node) or "_target_" not in node:
            raise WrongValue(f"{key}: expected '{key}={{_target_: my_package.MyCallback}}', found {node}")
        made = locate(key, node)
        if isinstance(made, type) and not issubclass(made, pl.Callback):
            raise WrongValue(f"{key}: {node._target_} is no callback of pytorch_lightning")


def _refuse_loss(node: DictConfig) -> None:
    """Call it once: a loss of the user's own is first tried here, not after minutes of preparation."""
    loss = make_part("loss", node)
    what = f"loss: {node._target_}"
    if not callable(loss):
        raise WrongValue(f"{what} makes nothing that takes logits and target")
    pair = [torch.zeros(2, len(REGIONS), *[DIVISOR] * 3) for _ in range(2)]
    try:
        losses: dict[str, tuple[Any, tuple[int, ...]]] = {"one number": (loss(*pair), ())}
        if hasattr(loss, "case_losses"):
            losses["a number per sample of case_losses"] = (loss.case_losses(*pair), (2,))
    except Exception as error:  # of the user's code
        reason = one_line(error)
        raise WrongValue(
            f"{what} does not take logits and target, (batch, region, z, y, x): {reason}"
        ) from error
    for words, (found, shape) in losses.items():
        if tuple(getattr(found, "shape", ["none"])) != shape:
            raise WrongValue(f"{what}: expected {words}, found {_shown(found)}")


def _shown(found: Any) -> str:
    return f"a tensor of {tuple(found.shape)}" if isinstance(found, torch.Tensor) else type(found).__name__


def _refuse_optimizer(key: str, node: DictConfig) -> None:
    if not node.get("_partial_"):
        raise WrongValue(f"{key}: needs _partial_: true, because the weights come later")
    make: Callable[[Any], Any] = make_part(key, node)
    try:
        make([torch.nn.Parameter(torch.zeros(1, 1))])
    except Exception as error:  # of another package: pytorch_optimizer has kinds of its own
        raise WrongValue(f"{key}: {' '.join(str(error).split())}") from error
