"""A training and then, where a fold validates, what its bundle says of the cases that it was not trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.cases import Case
from brats_seg.data import BraTSDataModule
from brats_seg.errors import UserError
from brats_seg.evaluation import evaluate, show_evaluation
from brats_seg.files import write_json
from brats_seg.inference.predict import predict
from brats_seg.inference.settings import Settings
from brats_seg.runtime.processes import is_first_process, launched_from_outside
from brats_seg.training.config import build
from brats_seg.training.train import train

CASES_PER_PROCESS = 4
"""Fewer are scored before another process has started."""


def train_fold(config: DictConfig) -> Path:
    """:func:`train`, then :func:`predict_out_of_fold` where the configuration says so.

    Returns:
        The run folder.

    Raises:
        UserError: As they do; an unknown choice of views before the training.
    """
    return train_and_predict(config)[0]


def train_and_predict(config: DictConfig) -> tuple[Path, bool]:
    """:func:`train_fold`, and whether it had anything to predict."""
    settings = Settings.default(tta=config.out_of_fold.tta)
    folder, predicted = RunFolder(train(config)), False
    if config.out_of_fold.predict and is_first_process(config):
        if launched_from_outside(config):
            print(
                f"{folder.path}: the same command in one process, with trainer=default, predicts the cases that validate"
            )
        else:
            predicted = predict_out_of_fold(config, folder, settings)
    return folder.path, predicted


def predict_out_of_fold(config: DictConfig, folder: RunFolder, settings: Settings) -> bool:
    """Fill ``predictions/`` and ``evaluation/`` of a finished training; ``out_of_fold.json``, written last, says that it is done.

    Args:
        config: Of the training.
        folder: Of the training.
        settings: Of the prediction.

    Returns:
        Whether anything was to do.

    Raises:
        UserError: A case could not be segmented; the others are, and the same command continues.
    """
    data: BraTSDataModule = build(config.data)
    cases = [case for case in data.cases if case.id in set(data.split.validation)]
    bundle = load_bundle(folder.bundle)
    record = {"bundle": bundle.sha256, "tta": settings.tta, "cases": [case.id for case in cases]}
    if not cases or _read(folder.out_of_fold) == record:
        return False
    folder.out_of_fold.unlink(missing_ok=True)
    bundles = {bundle.pipeline: [bundle]}
    devices = {"accelerator": config.trainer.accelerator, "devices": _one_of(config.trainer.devices)}
    if failures := predict(cases, bundles, folder.predictions, **asdict(settings), **devices):
        raise UserError("\n".join(failures))
    _score(cases, data, folder)
    write_json(folder.out_of_fold, record)
    return True


def _score(cases: Sequence[Case], data: BraTSDataModule, folder: RunFolder) -> None:
    workers = min(data.workers, len(cases) // CASES_PER_PROCESS)
    show_evaluation(evaluate(folder.predictions, cases, folder.evaluation.path, workers=workers))


def _one_of(devices: Any) -> Any:
    """The first of the training's devices, as Lightning wants it."""
    return [devices[0]] if isinstance(devices, Sequence) and not isinstance(devices, str) else 1


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
