"""The LightningModule of prediction: one case in, its label maps out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import cast

import pytorch_lightning as pl
from torch import nn

from brats_seg.artifacts.bundles import Bundle, Pipeline
from brats_seg.errors import CaseError
from brats_seg.inference.data import Read
from brats_seg.inference.ensemble import Ensemble
from brats_seg.inference.segment import Prediction, segment
from brats_seg.inference.settings import Settings


class PredictionModule(pl.LightningModule):
    """Holds the ensembles of one or both pipelines.

    Args:
        bundles: Pipeline to its bundles.
        settings: How to predict.
        channels_last: Memory layout of weights and images.
    """

    def __init__(
        self, bundles: Mapping[Pipeline, Sequence[Bundle]], settings: Settings, *, channels_last: bool
    ) -> None:
        super().__init__()
        self.settings = settings
        self.ensembles = nn.ModuleDict(
            {p: Ensemble(group, channels_last=channels_last) for p, group in bundles.items()}
        )

    def predict_step(self, batch: Read, batch_index: int) -> Prediction | CaseError:
        """Segment one case; why it cannot be segmented is handed on to the writer, so that the others are."""
        if isinstance(batch, CaseError):
            return batch
        try:
            return segment(
                batch, cast(Mapping[Pipeline, Ensemble], self.ensembles), self.settings, self._show
            )
        except CaseError as error:
            return error
        except (RuntimeError, MemoryError) as error:
            reason = next(iter(str(error).splitlines()), "too little memory")
            return CaseError(
                batch.case.id, expected="a prediction; inferer=sliding_window needs less memory", found=reason
            )

    def _show(self, done: int, of: int) -> None:
        if self.trainer.is_global_zero and sys.stdout.isatty():
            print(f"\rview {done} of {of} ", end="" if done < of else "\r", flush=True)
