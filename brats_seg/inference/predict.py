"""Segment cases with the bundles of one or both pipelines."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from filelock import FileLock, Timeout
from lightning_fabric.utilities.exceptions import MisconfigurationException

from brats_seg.artifacts import bundles as opened
from brats_seg.artifacts.bundles import Bundle, Pipeline
from brats_seg.artifacts.ensemble_file import load_ensemble
from brats_seg.cases import Case, check_headers
from brats_seg.cases.read import OnMissing
from brats_seg.errors import UserError
from brats_seg.inference.data import PredictionData
from brats_seg.inference.module import PredictionModule
from brats_seg.inference.record import Bundles, is_finished
from brats_seg.inference.settings import Settings
from brats_seg.inference.writer import FOLDERS, PredictionWriter, forget
from brats_seg.runtime.precision import refuse_half_precision
from brats_seg.runtime.quiet import quiet_lightning
from brats_seg.runtime.signals import plain_signals


def load_bundles(
    a: Sequence[str | Path] | str | Path = (),
    b: Sequence[str | Path] | str | Path = (),
    ensemble: str | Path | None = None,
) -> dict[Pipeline, list[Bundle]]:
    """Open the bundles of both pipelines, from their folders (or the folder of one) or from an ensemble file.

    Raises:
        UserError: None is given, or both ways are; one serves the other pipeline, or one cannot be trusted.
    """
    if ensemble is None:
        a, b = ([folders] if isinstance(folders, str | Path) else folders for folders in (a, b))
        return opened.load_bundles({"a": [Path(folder) for folder in a], "b": [Path(folder) for folder in b]})
    if a or b:
        raise UserError(f"ensemble={ensemble} names its bundles: leave bundles.a and bundles.b out")
    return load_ensemble(Path(ensemble))


def predict(
    cases: Sequence[Case],
    bundles: Bundles,
    output: Path,
    *,
    tta: str,
    precision: str,
    threshold: float,
    labels_output: str | None,
    on_missing_modality: OnMissing,
    labels_input: str | None = None,
    inferer: str = "auto",
    probabilities: bool = False,
    uncertainty: str | None = None,
    enhancing_below_mm3: float = 0,
    components_below_mm3: float = 0,
    channels_last: bool = True,
    accelerator: str = "auto",
    devices: int | str = 1,
    num_nodes: int = 1,
    strategy: str = "auto",
    unclear: Sequence[str] = (),
) -> list[str]:
    """Write a label map for each case; those finished with the same inputs, bundles and settings are skipped.

    Args:
        cases: What to segment; segmentations are not read.
        bundles: Pipeline to its bundles; with both, the merged map is the final one.
        output: Prediction folder.
        tta: This and the following: :class:`Settings`.
        precision: Likewise.
        threshold: Likewise.
        labels_output: Likewise.
        on_missing_modality: Likewise.
        labels_input: Likewise.
        inferer: Likewise.
        probabilities: Likewise.
        uncertainty: Likewise.
        enhancing_below_mm3: Likewise.
        components_below_mm3: Likewise.
        channels_last: Memory layout of weights and images.
        accelerator: This and the following: Lightning's.
        devices: Likewise; they share the cases.
        num_nodes: Likewise.
        strategy: Likewise.
        unclear: One line for each case that is not among ``cases`` because its files are not clear.

    Returns:
        One line per case that failed; the others are written. On all but the first of several devices, nothing.

    Raises:
        UserError: A setting or a bundle cannot be used, or the output folder cannot be written or is in use.
    """
    settings = Settings(
        tta=tta, precision=precision, inferer=inferer, threshold=threshold,
        labels_output=labels_output, labels_input=labels_input,
        on_missing_modality=on_missing_modality, probabilities=probabilities, uncertainty=uncertainty,
        enhancing_below_mm3=enhancing_below_mm3, components_below_mm3=components_below_mm3,
    )  # fmt: skip
    if any(output.resolve() == path.resolve().parent for case in cases for path in case.files):
        raise UserError(f"output={output} holds the images: choose another folder")
    quiet_lightning()
    # The writer takes the case's name from the case itself.
    warnings.filterwarnings("ignore", message=".*Couldn't infer the batch indices.*")
    writer = PredictionWriter(output, bundles, settings)
    refuse_half_precision(f"precision={precision}", accelerator)
    trainer = _trainer(
        writer, accelerator=accelerator, devices=devices, num_nodes=num_nodes, strategy=strategy
    )
    with _sole_writer(output) if trainer.is_global_zero else contextlib.nullcontext():
        # The first process looks for all: its cases are dealt out, so that every process has to come.
        sound, faulty = (
            _sound(cases, output, bundles, settings) if trainer.is_global_zero else (list(cases), [])
        )
        failures = [*unclear, *faulty]
        if trainer.is_global_zero:
            for line in failures:
                print(f"cannot be segmented: {line}", flush=True)
        if sound or trainer.world_size > 1:
            module = PredictionModule(bundles, settings, channels_last=channels_last)
            with plain_signals(trainer):
                trainer.predict(
                    module, datamodule=PredictionData(sound, on_missing_modality), return_predictions=False
                )
    return [*failures, *writer.failures] if trainer.is_global_zero else []


def _trainer(writer: PredictionWriter, **machine: Any) -> pl.Trainer:
    try:
        return pl.Trainer(
            callbacks=[writer], logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            use_distributed_sampler=False, **machine,
        )  # fmt: skip
    except (MisconfigurationException, TypeError, ValueError) as error:
        asked = " ".join(f"{key}={value}" for key, value in machine.items())
        raise UserError(f"{asked} cannot be had: {' '.join(str(error).split())}") from error


def _sound(
    cases: Sequence[Case], output: Path, bundles: Bundles, settings: Settings
) -> tuple[list[Case], list[str]]:
    """The cases to be done that pass the cheap check, and one line for each that does not, before the long work begins."""
    todo = [case for case in cases if not is_finished(case, output, bundles, settings)]
    if len(todo) < len(cases):
        print(f"{len(cases) - len(todo)} of {len(cases)} cases finished before", flush=True)
    sound, failures = [], []
    for case in todo:
        try:
            check_headers([case], on_missing_modality=settings.on_missing_modality, with_segmentation=False)
            sound.append(case)
        except UserError as error:
            forget(output, case.id)
            failures.append(str(error).splitlines()[0])
    return sound, failures


@contextlib.contextmanager
def _sole_writer(output: Path) -> Iterator[None]:
    """Keep a second run out of the folder, and clear away what a killed one left half-written.

    Raises:
        UserError: The folder is in use or cannot be written.
    """
    lock = FileLock(output / ".lock", timeout=0)
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        for left in (path for folder in FOLDERS for path in (output / folder).glob(".tmp-*")):
            if left.is_file():
                left.unlink()
    except Timeout:
        raise UserError(
            f"{output} is in use by another process: wait for it, or choose another output=DIR"
        ) from None
    except OSError as error:
        raise UserError(f"cannot write {output} ({error.strerror}): choose another output=DIR") from error
    try:
        yield
    finally:
        lock.release()
