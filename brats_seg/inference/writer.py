"""Write predictions as they come: each file whole or not at all, a record beside each label map."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import BasePredictionWriter

import brats_seg
from brats_seg import nifti
from brats_seg.bundles import Bundle
from brats_seg.cases import Case
from brats_seg.errors import CaseError, UserError
from brats_seg.files import write_json
from brats_seg.inference.module import Prediction, Settings
from brats_seg.labels import convention, encode_regions
from brats_seg.terms import REGIONS


class PredictionWriter(BasePredictionWriter):
    """``<case id>.nii.gz`` and ``<case id>.json``; with both pipelines theirs under ``a/`` and ``b/``.

    Args:
        output: Prediction folder.
        bundles: Pipeline to its bundles, for the record.
        settings: For the record.
        fingerprint: Of bundles and settings together.
        total: How many cases, for the progress line.
    """

    def __init__(self, output: Path, bundles: Mapping[str, Sequence[Bundle]], settings: Settings, fingerprint: str, total: int) -> None:
        super().__init__(write_interval="batch")
        self.output, self.bundles, self.settings, self.fingerprint, self.total = output, bundles, settings, fingerprint, total
        self.failures: list[str] = []
        self.done = 0

    def write_on_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, prediction: Prediction | CaseError, batch_indices: Any, batch: Any,
        batch_idx: int, dataloader_idx: int,
    ) -> None:  # fmt: skip
        """Write one case, or note why there is nothing to write."""
        self.done += 1
        if isinstance(prediction, CaseError):
            self.failures.append(str(prediction))
            print(f"[{self.done}/{self.total}] {prediction}", flush=True)
            return
        case = prediction.loaded.case
        for name, label_map in prediction.maps.items():
            if name != "merged" and "merged" in prediction.maps:
                nifti.write(self.output / name / f"{case.id}.nii.gz", label_map, prediction.loaded.geometry)
                write_json(self.output / name / f"{case.id}.json", self._record(prediction, name, label_map))
        # The record of the final map comes last: its presence says that everything else is there.
        nifti.write(self.output / f"{case.id}.nii.gz", prediction.final, prediction.loaded.geometry)
        record = self._record(prediction, "merged" if "merged" in prediction.maps else next(iter(prediction.maps)), prediction.final)
        write_json(self.output / f"{case.id}.json", record)
        volumes = ", ".join(f"{region} {ml:.1f} ml" for region, ml in record["volumes_ml"].items())
        print(f"[{self.done}/{self.total}] {case.id}: {volumes}, {prediction.seconds:.1f} s", flush=True)

    def _record(self, prediction: Prediction, which: str, label_map: np.ndarray[Any, np.dtype[np.uint8]]) -> dict[str, Any]:
        case, spacing = prediction.loaded.case, prediction.loaded.geometry.spacing_mm
        regions = encode_regions(label_map, convention(prediction.convention))
        millilitres = {r: round(float(m.sum()) * float(np.prod(spacing)) / 1000, 3) for r, m in zip(REGIONS, regions, strict=True)}
        warnings = [f"no {m}: its channel was zero" for m in prediction.loaded.missing]
        used = self.bundles if which == "merged" else {which: self.bundles[which]}
        return {
            "schema": 1,
            "case": case.id,
            "pipeline": which,
            "labels": {"convention": prediction.convention},
            "volumes_ml": millilitres,
            "warnings": warnings,
            "bundles": {p: [{"path": str(b.folder), "sha256": b.sha256} for b in group] for p, group in used.items()},
            "settings": self.settings.record(),
            "seconds": round(prediction.seconds, 2),
            "versions": {"brats_seg": brats_seg.__version__, "torch": torch.__version__},
            "inputs": input_hashes(case),
            "fingerprint": self.fingerprint,
        }


def input_hashes(case: Case) -> dict[str, str]:
    """Modality to the sha256 of its file.

    Raises:
        UserError: A file cannot be read.
    """
    try:
        return {m: hashlib.sha256(file.path.read_bytes()).hexdigest() for m, file in case.modalities.items()}
    except OSError as error:
        raise UserError(f"case {case.id}: {error}") from error


def is_finished(case: Case, output: Path, pipelines: Sequence[str], fingerprint: str) -> bool:
    """Whether this case was predicted from the same files with the same bundles and settings."""
    try:
        record = json.loads((output / f"{case.id}.json").read_text())
        maps = [output / f"{case.id}.nii.gz"]
        if len(pipelines) > 1:
            maps += [output / pipeline / f"{case.id}.nii.gz" for pipeline in pipelines]
        same = record["fingerprint"] == fingerprint and record["inputs"] == input_hashes(case)
        return bool(same and all(path.exists() for path in maps))
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return False
