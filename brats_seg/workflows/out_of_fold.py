"""Train a fold, then predict and score its validation cases (out of fold)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from brats_seg.artifacts.bundles import Bundle, load_bundle
from brats_seg.artifacts.run_folder import VALIDATION_DICE, RunFolder
from brats_seg.errors import UserError, WrongValue
from brats_seg.evaluation import evaluate, show_evaluation
from brats_seg.files import write_json
from brats_seg.inference import Machine, Settings, predict
from brats_seg.runtime.processes import is_first_process, launched_from_outside
from brats_seg.training.network import packages_of
from brats_seg.training.run import FINISHED_BEFORE, RESUMED, State, Trained, trained
from brats_seg.training.trackers.tracker import log_out_of_fold


@dataclass(frozen=True)
class Outcome:
    """How a training ended that has a bundle; small, so that it may cross a process boundary.

    Attributes:
        folder: The run folder.
        state: Whether this call did everything, continued something, or found everything done.
        seconds: Of this call.
        dice: Mean over regions and validation cases; None if nothing validates, or not in the first process.
        objective: The number that ``objective`` asks for.
    """

    folder: Path
    state: State
    seconds: float
    dice: float | None
    objective: float | None = None

    def __float__(self) -> float:
        """What a sweeper that optimises asks for.

        Raises:
            UserError: ``objective`` names no number.
        """
        if self.objective is None:
            raise UserError("a sweeper that optimises needs a number: add objective=val/dice")
        return self.objective


def train_and_predict(config: DictConfig, overrides: Sequence[str] = ()) -> Outcome:
    """Train, then predict and score the cases that validate, if ``out_of_fold.predict`` asks for it.

    Args:
        config: As for :func:`brats_seg.training.train`.
        overrides: Those whose hash is the run's name, to be written beside its folds.

    Returns:
        How it ended.

    Raises:
        UserError: The training or a prediction failed; an unknown choice of views before the training.
    """
    began = time.perf_counter()
    settings = Settings.default(tta=config.out_of_fold.tta)
    with trained(config, overrides) as (ended, trackers):
        state, scores = ended.state, {}
        if is_first_process(config):  # another process may be here before the first has written the bundle
            bundle = load_bundle(ended.folder.bundle, packages_of(config))
            scores = _scores(ended.folder, bundle)
            if _predict_if_asked(config, ended, bundle, settings):
                log_out_of_fold(trackers, ended.folder.evaluation.read_rows())
                state = RESUMED if state == FINISHED_BEFORE else state
    seconds = time.perf_counter() - began
    return Outcome(ended.folder.path, state, seconds, scores.get(VALIDATION_DICE), _objective(config, scores))


def _scores(folder: RunFolder, bundle: Bundle) -> dict[str, float]:
    """What an optimiser may be told: the last of each column of ``metrics.csv``, and the bundle's scores."""
    columns = folder.read_metrics() if folder.metrics.is_file() else {}
    last = {name: points[-1][1] for name, points in columns.items() if points}
    return {**last, **bundle.record["scores"]}


def _objective(config: DictConfig, scores: Mapping[str, float]) -> float | None:
    if config.objective is None or not scores:
        return None
    if config.objective not in scores:
        known = ", ".join(scores)
        raise WrongValue(f"objective={config.objective}: there is no such number, use one of {known}")
    return scores[config.objective]


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
    show_evaluation(evaluate(folder.predictions, cases, folder.evaluation.path, workers=data.workers))
    write_json(folder.out_of_fold, record)
    return True


def _first_device(devices: Any) -> Any:
    """The first of the training's devices, as Lightning wants it."""
    if isinstance(devices, Sequence) and not isinstance(devices, str):
        return [devices[0]]
    return 1
