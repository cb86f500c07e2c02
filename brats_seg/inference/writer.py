"""Write predictions as they come: each file whole or not at all, the record last.

Covered by test_predict.py.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.callbacks import BasePredictionWriter

from brats_seg import nifti
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.errors import CaseError
from brats_seg.files import write_json
from brats_seg.inference.answers import Answer, Prediction
from brats_seg.inference.data import PredictionData
from brats_seg.inference.record import Bundles, make_begun_record, make_record
from brats_seg.inference.settings import Settings
from brats_seg.inference.suspicions import suspicions
from brats_seg.terms import REGIONS


class PredictionWriter(BasePredictionWriter):
    """Fills a prediction folder.

    Args:
        output: The folder.
        bundles: Pipeline to its bundles, for the record.
        settings: For the record.
    """

    def __init__(self, output: PredictionFolder, bundles: Bundles, settings: Settings) -> None:
        super().__init__(write_interval="batch")
        self.output, self.bundles, self.settings = output, bundles, settings
        self.failures: list[str] = []
        self.done = self.total = 0
        self._thread: ThreadPoolExecutor
        self._pending: Future[None] | None = None
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
        """Write one case while the next one is computed, or note why there is nothing to write."""
        self.wait()
        self._pending = self._thread.submit(self._conclude, prediction)

    @contextlib.contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Inside, one case is written while the next one is computed; afterwards all are written."""
        with ThreadPoolExecutor(1, "writer") as self._thread:
            try:
                yield
            finally:
                self.wait()

    def wait(self) -> None:
        """Wait until nothing is being written.

        Raises:
            OSError: It could not be written.
            UserError: Likewise.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _conclude(self, prediction: Prediction | CaseError) -> None:
        if isinstance(prediction, CaseError):
            self.output.forget(prediction.case_id)
            self.failures.append(str(prediction))
            line = str(prediction)
        else:
            self.write(prediction)
            line = _line(prediction)
        self.done += 1
        left = (time.perf_counter() - self.began) / self.done * (self.total - self.done)
        start = "\r" if sys.stdout.isatty() else ""  # where the views of the next case are counted already
        left_time = timedelta(seconds=round(left))
        print(f"{start}[{self.done}/{self.total}] {line}, {left_time} left", flush=True)

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the last case; bring every device's failures to the first one."""
        self.wait()
        if trainer.world_size > 1:
            gathered: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(gathered, self.failures)
            self.failures = [line for lines in gathered for line in lines] if trainer.is_global_zero else []

    def write(self, prediction: Prediction) -> None:
        """Write everything of one case, last the record of the final map: it shows that all is there."""
        case_id, final = prediction.loaded.case.id, prediction.final
        prediction.warnings.extend(suspicions(prediction, self.bundles))
        self.output.forget(case_id)  # what an earlier run made of something else
        begun = make_begun_record(prediction.loaded.case, prediction.loaded.sha256)
        write_json(self.output.record(case_id), begun)
        written: list[Path] = []
        for which in prediction.answers:
            if which != final:
                written += self._write_answer(prediction, which, self.output.of_pipeline(which), ())
        self._write_answer(prediction, final, self.output, written)

    def _write_answer(
        self, prediction: Prediction, which: str, folder: PredictionFolder, before: Iterable[Path]
    ) -> list[Path]:
        """Write one answer; its record lists its files behind those written before."""
        case_id = prediction.loaded.case.id
        paths: list[Path] = []
        for path, array in _maps(case_id, prediction.answers[which], folder):
            nifti.write(path, array, prediction.loaded.geometry)
            paths.append(path)
        paths.append(folder.record(case_id))
        names = [path.relative_to(folder.path).as_posix() for path in [*before, *paths]]
        record = make_record(prediction, which, bundles=self.bundles, settings=self.settings, files=names)
        write_json(folder.record(case_id), record)
        return paths


def _maps(case_id: str, answer: Answer, folder: PredictionFolder) -> Iterator[tuple[Path, NDArray[Any]]]:
    """Path and voxels of each file of one answer."""
    yield folder.label_map(case_id), answer.label_map
    if answer.probabilities is not None:
        for region, channel in zip(REGIONS, answer.probabilities, strict=True):
            # Rounded to half precision, which NIfTI has no type for.
            yield folder.probability(case_id, region), channel.astype(np.float32)
    if answer.uncertainty is not None:
        for region, channel in zip(REGIONS, answer.uncertainty, strict=True):
            yield folder.uncertainty(case_id, region), channel


def _line(prediction: Prediction) -> str:
    volumes_ml = prediction.volumes_ml(prediction.final)
    volumes = ", ".join(f"{region} {ml:.1f} ml" for region, ml in volumes_ml.items())
    warnings = "".join(f"; {warning}" for warning in prediction.warnings)
    return f"{prediction.loaded.case.id}: {volumes}, {prediction.seconds:.1f} s{warnings}"
