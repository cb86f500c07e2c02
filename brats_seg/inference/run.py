"""Segment cases with the bundles of one or both pipelines. Covered by tests/inference/test_predict.py."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException

from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.artifacts.prediction_tables import refuse_foreign_tables, write_tables
from brats_seg.artifacts.synthetic import synthetic_notice
from brats_seg.cases import Case, check_headers
from brats_seg.console import signs_of_life
from brats_seg.errors import UserError
from brats_seg.inference.data import PredictionData
from brats_seg.inference.module import PredictionModule
from brats_seg.inference.ready import normalisations_of
from brats_seg.inference.record import Bundles, is_finished, why_not_to_replace
from brats_seg.inference.settings import Machine, Settings
from brats_seg.inference.writer import PredictionWriter
from brats_seg.runtime.card import usable_device
from brats_seg.runtime.precision import prediction_precision, refuse_half_precision
from brats_seg.runtime.quiet import quiet_lightning
from brats_seg.runtime.signals import plain_signals


def predict(
    cases: Sequence[Case],
    bundles: Bundles,
    output: Path,
    settings: Settings | None = None,
    machine: Machine | None = None,
    *,
    overwrite: bool = False,
    unclear: Sequence[str] = (),
) -> list[str]:
    """Write a label map for each case; those finished with the same inputs, bundles and settings are skipped.

    Args:
        cases: What to segment; segmentations are not read.
        bundles: Pipeline to its bundles; with both, the merged map is the final one.
        output: Prediction folder.
        settings: Views, precision and what is written; None: as ``conf/predict.yaml``.
        machine: Where to compute; None: as ``conf/predict.yaml``.
        overwrite: Replace a label map of other images, or one that `predict` has not written.
        unclear: One line for each case that is not among ``cases`` because its files are ambiguous.

    Returns:
        One line per case that failed; the others are written. On all but the first of several devices,
        nothing.

    Raises:
        UserError: A setting or a bundle cannot be used, or the output folder cannot be written or is in use.
    """
    settings, machine = settings or Settings.default(), machine or Machine.default()
    _refuse_folder_of_images(cases, output)
    refuse_foreign_tables(output, overwrite=overwrite)
    refuse_half_precision(f"precision={settings.precision}", machine.accelerator)
    quiet_lightning()
    folder = PredictionFolder(output)
    writer = PredictionWriter(folder, bundles, settings)
    device = usable_device(machine.accelerator)
    trainer = _make_trainer(writer, machine)
    first = trainer.is_global_zero
    with folder.lock() if first else contextlib.nullcontext():
        # The first process looks for all processes and hands its list on: every process must get here.
        sound, failures = list(cases), list(unclear)
        if first:
            sound = _cases_to_do(cases, folder, bundles, settings, failures, overwrite=overwrite)
        if sound or trainer.world_size > 1:
            if first:
                precision = prediction_precision(settings.precision, machine.accelerator)
                print(f"{device}, {precision}", flush=True)
                _tell_provenance(bundles)
            layout = {"channels_last": machine.channels_last, "fused_norm": machine.fused_norm}
            module = PredictionModule(bundles, settings, **layout)
            data = PredictionData(sound, settings.on_missing_modality, normalisations_of(bundles))
            alive = signs_of_life(lambda: f"at work: {module.doing}") if first else contextlib.nullcontext()
            with plain_signals(trainer), writer.meanwhile(), alive:
                trainer.predict(module, datamodule=data, return_predictions=False)
        if first:
            write_tables(output)
    return [*failures, *writer.failures] if first else []


def _refuse_folder_of_images(cases: Sequence[Case], output: Path) -> None:
    for case in cases:
        for path in case.files:
            if os.path.realpath(output) == os.path.dirname(os.path.realpath(path)):
                raise UserError(f"output={output} holds the images: choose another folder")


def _tell_provenance(bundles: Bundles) -> None:
    provenances = [bundle.record["provenance"] for group in bundles.values() for bundle in group]
    notice = synthetic_notice(provenances)
    if notice is not None:
        print(f"NOTE: {notice}", flush=True)


def _make_trainer(writer: PredictionWriter, machine: Machine) -> pl.Trainer:
    # The writer takes the case's name from the case itself.
    warnings.filterwarnings("ignore", message=".*Couldn't infer the batch indices.*")
    asked = asdict(machine)
    del asked["channels_last"], asked["fused_norm"]  # the module's
    try:
        return pl.Trainer(
            callbacks=[writer],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **asked,
        )
    except (MisconfigurationException, TypeError, ValueError) as error:
        keys = " ".join(f"{key}={value}" for key, value in asked.items())
        raise UserError(f"{keys} cannot be had: {' '.join(str(error).split())}") from error


def _cases_to_do(
    cases: Sequence[Case],
    folder: PredictionFolder,
    bundles: Bundles,
    settings: Settings,
    failures: list[str],
    *,
    overwrite: bool,
) -> list[Case]:
    """Those that are not finished and can be segmented; for each that cannot a line, printed and kept."""
    todo = _unfinished(cases, folder, bundles, settings)
    if not overwrite:
        todo = _replaceable(todo, folder, failures)
    sound = _sound(todo, folder, settings, failures)
    for line in failures:
        print(f"cannot be segmented: {line}", flush=True)
    return sound


def _unfinished(
    cases: Sequence[Case], folder: PredictionFolder, bundles: Bundles, settings: Settings
) -> list[Case]:
    todo = [case for case in cases if not is_finished(case, folder, bundles, settings)]
    if len(todo) < len(cases):
        print(f"{len(cases) - len(todo)} of {len(cases)} cases finished before", flush=True)
    return todo


def _replaceable(cases: Sequence[Case], folder: PredictionFolder, failures: list[str]) -> list[Case]:
    """The cases that would replace nothing of somebody else's; a line among the failures for each other."""
    replaceable: list[Case] = []
    for case in cases:
        why = why_not_to_replace(case, folder)
        if why is None:
            replaceable.append(case)
        else:
            failures.append(f"case {case.id}: {why}; choose another output=DIR, or give overwrite=true")
    return replaceable


def _sound(
    cases: Sequence[Case], folder: PredictionFolder, settings: Settings, failures: list[str]
) -> list[Case]:
    """The cases whose headers are sound; a line among the failures for each other."""
    sound: list[Case] = []
    for case in cases:
        try:
            check_headers([case], on_missing_modality=settings.on_missing_modality, with_segmentation=False)
            sound.append(case)
        except UserError as error:
            folder.forget(case.id)
            failures.append(str(error).splitlines()[0])
    return sound
