"""Segment cases with the bundles of one or both pipelines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from brats_seg.bundles import Bundle, load_bundle
from brats_seg.cases import Case, read_case
from brats_seg.errors import CaseError, UserError
from brats_seg.inference.module import LoadedOrError, PredictionModule, Settings
from brats_seg.inference.writer import PredictionWriter, is_finished

Bundles = Mapping[str, Sequence[Bundle]]


def load_bundles(a: Sequence[str | Path], b: Sequence[str | Path]) -> dict[str, list[Bundle]]:
    """Open the bundles of both pipelines and verify their weights.

    Raises:
        UserError: None is given, one serves the other pipeline, or one cannot be trusted.
    """
    loaded = {"a": [load_bundle(Path(p)) for p in a], "b": [load_bundle(Path(p)) for p in b]}
    for pipeline, bundles in loaded.items():
        for bundle in bundles:
            if bundle.pipeline != pipeline:
                raise UserError(f"{bundle.folder} is a bundle of pipeline {bundle.pipeline}: give it under bundles.{bundle.pipeline}")
    if not any(loaded.values()):
        raise UserError("no bundle given: use bundles.a=[FOLDER,...], bundles.b=[FOLDER,...], or both")
    return {pipeline: bundles for pipeline, bundles in loaded.items() if bundles}


def predict(
    cases: Sequence[Case],
    bundles: Bundles,
    output: Path,
    *,
    tta: str,
    precision: str,
    threshold: float,
    labels_output: str | None,
    on_missing_modality: Literal["refuse", "zero"],
    accelerator: str = "auto",
    devices: int | str = 1,
) -> list[str]:
    """Write a label map for each case; finished ones are skipped.

    Args:
        cases: What to segment; segmentations are not read.
        bundles: Pipeline to its bundles; with both, the merged map is the final one.
        output: Prediction folder.
        tta: ``none``, ``flips8`` or ``group16``.
        precision: Of the forward pass, ``auto`` by the device.
        threshold: A voxel belongs to a region above it.
        labels_output: Convention of what is written; None follows each input's naming.
        on_missing_modality: ``zero`` segments with that channel zeroed.
        accelerator: Lightning's.
        devices: Lightning's.

    Returns:
        One line per case that failed; the others are written.
    """
    settings = Settings(tta, precision, threshold, labels_output, on_missing_modality)
    fingerprint = _fingerprint(bundles, settings)
    todo = [case for case in cases if not is_finished(case, output, tuple(bundles), fingerprint)]
    if len(todo) < len(cases):
        print(f"{len(cases) - len(todo)} of {len(cases)} cases finished before")
    if not todo:
        return []
    module = PredictionModule(bundles, settings)
    writer = PredictionWriter(output, bundles, settings, fingerprint, total=len(todo))
    trainer = pl.Trainer(
        accelerator=accelerator, devices=devices, callbacks=[writer], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, barebones=False,
    )  # fmt: skip
    trainer.predict(module, DataLoader(_Reader(todo, on_missing_modality), batch_size=None, num_workers=0), return_predictions=False)
    return writer.failures


class _Reader(Dataset[LoadedOrError]):
    """Each case is read once, for both pipelines."""

    def __init__(self, cases: Sequence[Case], on_missing_modality: Literal["refuse", "zero"]) -> None:
        self.cases, self.on_missing_modality = cases, on_missing_modality

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> LoadedOrError:
        try:
            return read_case(self.cases[index], on_missing_modality=self.on_missing_modality, with_segmentation=False)
        except CaseError as error:
            return error


def _fingerprint(bundles: Bundles, settings: Settings) -> str:
    made_by: dict[str, Any] = {"bundles": {k: [b.sha256 for b in v] for k, v in bundles.items()}, "settings": settings.record()}
    return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
