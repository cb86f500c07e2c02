"""Train a fold, then predict and score its validation cases (out of fold)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from brats_seg.artifacts.bundles import Bundle, load_bundle
from brats_seg.artifacts.run_folder import VALIDATION_DICE
from brats_seg.errors import UserError
from brats_seg.evaluation import evaluate, show_evaluation
from brats_seg.files import write_json
from brats_seg.inference import Machine, Settings, predict
from brats_seg.runtime.processes import is_first_process, launched_from_outside
from brats_seg.training.network import packages_of
from brats_seg.training.run import FINISHED_BEFORE, RESUMED, State, Trained, train

CASES_PER_PROCESS = 4
"""Fewer cases are scored in the time that it takes to start another process."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended that has a bundle; small, so that it may cross a process boundary.

    Attributes:
        folder: The run folder.
        state: Whether this call did everything, continued something, or found everything done.
        seconds: Of this call.
        dice: Mean over regions and validation cases; None if nothing validates, or not in the first process.
    """

    folder: Path
    state: State
    seconds: float
    dice: float | None


def train_and_predict(config: DictConfig) -> Outcome:
    """Train, then predict and score the cases that validate, if ``out_of_fold.predict`` asks for it.

    Args:
        config: As for :func:`brats_seg.training.train`.

    Returns:
        How it ended.

    Raises:
        UserError: The training or a prediction failed; an unknown choice of views before the training.
    """
    began = time.perf_counter()
    settings = Settings.default(tta=config.out_of_fold.tta)
    trained = train(config)
    state, dice = trained.state, None
    if is_first_process(config):  # another process may be here before the first has written the bundle
        bundle = load_bundle(trained.folder.bundle, packages_of(config))
        dice = bundle.record["scores"].get(VALIDATION_DICE)
        if _predict_if_asked(config, trained, bundle, settings) and state == FINISHED_BEFORE:
            state = RESUMED
    return Outcome(trained.folder.path, state, time.perf_counter() - began, dice)


def _predict_if_asked(config: DictConfig, trained: Trained, bundle: Bundle, settings: Settings) -> bool:
    """Whether anything was predicted."""
    if not config.out_of_fold.predict:
        return False
    if launched_from_outside(config):
        print(
            f"{trained.folder.path}: the same command in one process, with trainer=default, "
            "predicts the cases that validate"
        )
        return False
    return predict_out_of_fold(config, trained, bundle, settings)


def predict_out_of_fold(config: DictConfig, trained: Trained, bundle: Bundle, settings: Settings) -> bool:
    """Fill ``predictions/`` and ``evaluation/`` of a finished training.

    The record of both, written last, shows that they are complete.

    Args:
        config: Of the training.
        trained: The finished training.
        bundle: Of the training.
        settings: Of the prediction.

    Returns:
        Whether anything was to do.

    Raises:
        UserError: A case could not be segmented; the others are, and the same command continues.
    """
    folder, data = trained.folder, trained.data
    validation = set(data.split.validation)
    cases = [case for case in data.cases if case.id in validation]
    record = {"bundle": bundle.sha256, "tta": settings.tta, "cases": [case.id for case in cases]}
    if not cases or folder.read_out_of_fold() == record:
        return False
    folder.out_of_fold.unlink(missing_ok=True)
    bundles = {bundle.pipeline: [bundle]}
    first = _first_device(config.trainer.devices)
    machine = Machine.default(accelerator=config.trainer.accelerator, devices=first)
    failures = predict(cases, bundles, folder.predictions, settings, machine, overwrite=True)
    if failures:
        raise UserError("\n".join(failures))
    workers = min(data.workers, len(cases) // CASES_PER_PROCESS)
    show_evaluation(evaluate(folder.predictions, cases, folder.evaluation.path, workers=workers))
    write_json(folder.out_of_fold, record)
    return True


def _first_device(devices: Any) -> Any:
    """The first of the training's devices, as Lightning wants it."""
    if isinstance(devices, Sequence) and not isinstance(devices, str):
        return [devices[0]]
    return 1
