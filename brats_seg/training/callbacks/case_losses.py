"""How hard is each training case to learn?

Covered by tests/training/test_module.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, distributed

from brats_seg.terms import Batch
from brats_seg.training.callbacks.rows import rows_before, write_rows


class CaseLosses(pl.Callback):
    """Main-head loss of every training case in every epoch, one row each (section 2.5, dataset filtering).

    On resume the rows of repeated epochs are dropped, so the callback needs no state.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.seen: list[tuple[list[str], Tensor]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows before the epoch that starts now."""
        self.rows = rows_before(self.path, trainer.current_epoch)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget the losses of an epoch that was cut off."""
        self.seen = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Keep the losses on the device: reading them would wait for the device."""
        self.seen.append((batch.case_ids, outputs["case_losses"]))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the file whole, cases in the order of their ids."""
        losses = _gather(self._losses())
        if not trainer.is_global_zero:
            return
        for case_id in sorted(losses):
            row = {"epoch": trainer.current_epoch, "case": case_id, "loss": f"{losses[case_id]:.9g}"}
            self.rows.append(row)
        write_rows(self.path, self.rows)

    def _losses(self) -> dict[str, float]:
        """Loss of every case that this process has seen in this epoch, the mean over its patches."""
        if not self.seen:
            return {}
        ids: list[str] = []
        for case_ids, _ in self.seen:
            ids += case_ids
        losses = torch.cat([values for _, values in self.seen])
        of_case: dict[str, list[float]] = {}
        for case_id, loss in zip(ids, losses.tolist(), strict=True):
            of_case.setdefault(case_id, []).append(loss)
        return {case_id: fmean(values) for case_id, values in of_case.items()}


def _gather(losses: Mapping[str, float]) -> dict[str, float]:
    """The losses of all processes.

    A process may repeat a case to take as many steps as the others; the loss in the first process counts.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return dict(losses)
    parts: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(parts, dict(losses))
    merged: dict[str, float] = {}
    for part in reversed(parts):
        merged.update(part)
    return merged
