"""Write predictions as they come: each file whole or not at all, the record last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.callbacks import BasePredictionWriter

from brats_seg import nifti
from brats_seg.artifacts.bundles import PIPELINES
from brats_seg.errors import CaseError, UserError
from brats_seg.files import write_json
from brats_seg.inference.data import PredictionData
from brats_seg.inference.record import Bundles, record, said
from brats_seg.inference.segment import Answer, Prediction
from brats_seg.inference.settings import Settings
from brats_seg.inference.uncertainty import NAMES
from brats_seg.terms import REGIONS

PROBABILITIES, UNCERTAINTY = "probabilities", "uncertainty"
FOLDERS = tuple(
    f"{pipeline}/{kind}" for pipeline in (*PIPELINES, ".") for kind in (PROBABILITIES, UNCERTAINTY, ".")
)
"""Wherever something is written, below the prediction folder, which itself is the last."""


class PredictionWriter(BasePredictionWriter):
    """``<case id>.nii.gz`` and ``<case id>.json``; with both pipelines theirs under ``a/`` and ``b/``.

    On request ``probabilities/<case id>_<region>.nii.gz`` and ``uncertainty/<case id>_unc_{whole,core,enhance}.nii.gz`` in each
    of these folders.

    Args:
        output: Prediction folder.
        bundles: Pipeline to its bundles, for the record.
        settings: For the record.
    """

    def __init__(self, output: Path, bundles: Bundles, settings: Settings) -> None:
        super().__init__(write_interval="batch")
        self.output, self.bundles, self.settings = output, bundles, settings
        self.failures: list[str] = []
        self.done = self.total = 0
        self.began = 0.0

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock for this device's share."""
        data = cast(PredictionData, trainer.datamodule)  # type: ignore[attr-defined]
        self.total, self.began = len(data.share), time.perf_counter()

    def write_on_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        prediction: Prediction | CaseError,
        batch_indices: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Write one case, or note why there is nothing to write."""
        if isinstance(prediction, CaseError):
            forget(self.output, prediction.case_id)
            self.failures.append(str(prediction))
            line = str(prediction)
        else:
            line = _line(prediction, self.write(prediction))
        self.done += 1
        left = (time.perf_counter() - self.began) / self.done * (self.total - self.done)
        print(f"[{self.done}/{self.total}] {line}, {timedelta(seconds=round(left))} left", flush=True)

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Bring every device's failures to the first one."""
        if trainer.world_size > 1:
            gathered: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(gathered, self.failures)
            self.failures = [line for lines in gathered for line in lines] if trainer.is_global_zero else []

    def write(self, prediction: Prediction) -> dict[str, Any]:
        """Write everything of one case.

        Returns:
            The record of the final label map, which is written last: its presence says that everything else is there.
        """
        case_id, final = prediction.loaded.case.id, prediction.final
        forget(self.output, case_id)  # what an earlier run made of something else
        everything: list[str] = []
        for which in sorted(prediction.answers, key=lambda name: name == final):
            folder = self.output if which == final else self.output / which
            files = []
            for name, array in _maps(case_id, prediction.answers[which]):
                nifti.write(folder / name, array, prediction.loaded.geometry)
                files.append(name)
            files.append(f"{case_id}.json")
            everything += [(folder / name).relative_to(self.output).as_posix() for name in files]
            listed = everything if which == final else files
            written = record(prediction, which, bundles=self.bundles, settings=self.settings, files=listed)
            write_json(folder / f"{case_id}.json", written)
        return written


def forget(output: Path, case_id: str) -> None:
    """Remove everything of a case that `predict` has done before; without its record nothing is known to be ours.

    The names are ours, not those of the record, which could list any file. The record goes last: without its files the case is
    not finished.

    Raises:
        UserError: The folder cannot be written.
    """
    if "files" not in said(output, case_id):
        return
    names = {
        PROBABILITIES: [f"{case_id}_{region}.nii.gz" for region in REGIONS],
        UNCERTAINTY: [f"{case_id}_unc_{name}.nii.gz" for name in NAMES.values()],
    }
    for folder in FOLDERS:
        for name in names.get(Path(folder).name, [f"{case_id}.nii.gz", f"{case_id}.json"]):
            try:
                (output / folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise UserError(f"cannot remove {output / folder / name}: {error.strerror}") from error


def _maps(case_id: str, answer: Answer) -> Iterator[tuple[str, NDArray[Any]]]:
    """Path below the folder, and voxels, of each file of one answer."""
    yield f"{case_id}.nii.gz", answer.label_map
    if answer.probabilities is not None:
        for name, channel in zip(REGIONS, answer.probabilities, strict=True):
            # Rounded to half precision, which NIfTI has no type for.
            yield f"{PROBABILITIES}/{case_id}_{name}.nii.gz", channel.astype(np.float32)
    if answer.uncertainty is not None:
        for name, channel in zip(REGIONS, answer.uncertainty, strict=True):
            yield f"{UNCERTAINTY}/{case_id}_unc_{NAMES[name]}.nii.gz", channel


def _line(prediction: Prediction, written: dict[str, Any]) -> str:
    volumes = ", ".join(f"{region} {ml:.1f} ml" for region, ml in written["volumes_ml"].items())
    return f"{prediction.loaded.case.id}: {volumes}, {prediction.seconds:.1f} s{''.join(f'; {w}' for w in prediction.warnings)}"
