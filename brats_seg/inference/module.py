"""The LightningModule of prediction: one case in, its label maps out.

Covered by tests/inference/test_predict.py.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import pytorch_lightning as pl
from torch import nn

from brats_seg.artifacts.bundles import Bundle, Pipeline
from brats_seg.console import Estimate
from brats_seg.errors import CaseError, UserError
from brats_seg.inference.answers import Prediction
from brats_seg.inference.data import PredictionData, Read
from brats_seg.inference.ensemble import Ensemble, make_ensembles
from brats_seg.inference.fallback import Memory
from brats_seg.inference.segment import segment
from brats_seg.inference.settings import Settings
from brats_seg.runtime.memory import is_out_of_memory, is_sticky

SHOWN = 50
"""Columns of the line that counts views: each covers the one before."""


class PredictionModule(pl.LightningModule):
    """Holds the ensembles of one or both pipelines.

    Args:
        bundles: Pipeline to its bundles.
        settings: How to predict.
        channels_last: Memory layout of weights and images.
        fused_norm: Norm and ReLU in one kernel where there is one.
    """

    def __init__(
        self,
        bundles: Mapping[Pipeline, Sequence[Bundle]],
        settings: Settings,
        *,
        channels_last: bool,
        fused_norm: bool,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.memory = Memory()
        self.doing, self.cases, self.estimate = "reading the first case", 1, Estimate()
        ensembles = make_ensembles(bundles, channels_last=channels_last, fused_norm=fused_norm)
        self.ensembles = nn.ModuleDict(cast(Mapping[str, nn.Module], ensembles))

    def on_predict_start(self) -> None:
        """Count the cases of this device."""
        data = cast(PredictionData, self.trainer.datamodule)  # type: ignore[attr-defined]
        self.cases = len(data.share)

    def predict_step(self, batch: Read, batch_index: int) -> Prediction | CaseError:
        """Segment one case.

        Args:
            batch: The case, or why it cannot be read.
            batch_index: Not used.

        Returns:
            Its label maps, or why there are none: the writer reports it, and the other cases go on.

        Raises:
            UserError: CUDA failed, so that no other case can be segmented in this process either.
        """
        if isinstance(batch, CaseError):
            return batch
        ensembles = cast(Mapping[Pipeline, Ensemble], self.ensembles)
        case_id, self.cases = batch.loaded.case.id, self.cases - 1
        self.estimate.expect(0.0)
        self.doing = f"case {case_id}"
        try:
            return segment(batch, ensembles, self.settings, partial(self._show, case_id), self.memory)
        except CaseError as error:
            return error
        except (RuntimeError, MemoryError) as error:
            reason = next(iter(str(error).splitlines()), "too little memory")
            if is_sticky(error):
                raise UserError(f"the GPU stopped working at case {case_id}: {reason}") from error
            expected = "a prediction"
            if is_out_of_memory(error) and self.settings.inferer == "whole_volume":
                expected = "a prediction; inferer=sliding_window needs less memory"
            return CaseError(case_id, expected=expected, found=reason)

    def _show(self, case_id: str, done: int, of: int) -> None:
        self.estimate.done(1)
        self.estimate.expect(of - done + of * self.cases)
        self.doing = f"case {case_id}, view {done} of {of} done, {self.estimate}"
        if self.trainer.is_global_zero and sys.stdout.isatty():
            line = f"\rview {done} of {of}, {self.estimate} ".ljust(SHOWN)
            print(line, end="" if done < of else f"\r{' ' * SHOWN}\r", flush=True)
