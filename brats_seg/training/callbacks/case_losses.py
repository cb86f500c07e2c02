"""How hard is each training case to learn?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, distributed

from brats_seg.terms import Batch
from brats_seg.training.callbacks.rows import rows_before, write_rows


class CaseLosses(pl.Callback):
    """Main-head loss of every training case in every epoch, one row each (section 2.5, dataset filtering).

    On resume the rows of epochs that are done again are dropped, so the file needs no state.

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
        """Forget what an epoch that was cut off saw."""
        self.seen = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Keep the losses on the device: reading them would wait for it."""
        self.seen.append((batch.case_ids, outputs["case_losses"]))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the file whole, cases in the order of their ids."""
        ids = [case_id for cases, _ in self.seen for case_id in cases]
        losses = torch.cat([values for _, values in self.seen]).tolist() if self.seen else []
        epoch = _of_all_processes(dict(zip(ids, losses, strict=True)))
        if trainer.is_global_zero:
            self.rows += [
                {"epoch": trainer.current_epoch, "case": i, "loss": f"{epoch[i]:.9g}"} for i in sorted(epoch)
            ]
            write_rows(self.path, self.rows)


def _of_all_processes(mine: Mapping[str, float]) -> dict[str, float]:
    """By case id, because a process may repeat a case to take as many steps as the others; the first process counts."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return dict(mine)
    parts: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(parts, mine)
    return {case_id: loss for part in reversed(parts) for case_id, loss in part.items()}
