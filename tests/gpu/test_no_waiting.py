"""On a real card no step of a training waits for the device: torch itself says so. ``make test-gpu``."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

pl = pytest.importorskip("pytorch_lightning")
from pytorch_optimizer import Ranger  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from brats_seg.losses import DiceLoss  # noqa: E402
from brats_seg.models import UNet  # noqa: E402
from brats_seg.runtime.scaler import without_asking  # noqa: E402
from brats_seg.terms import Batch  # noqa: E402
from brats_seg.training.callbacks import Resources, StepSeed  # noqa: E402
from brats_seg.training.module import SegmentationModule  # noqa: E402

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="NO GPU on this machine: waiting is NOT tested"),
]


class Forbid(pl.Callback):  # type: ignore[misc, name-defined]
    """From the second step of an epoch until its last one every wait for the device is an error."""

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        last = batch_idx + 2 >= trainer.num_training_batches
        torch.cuda.set_sync_debug_mode("default" if last else "error")


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed", "32-true"])
@pytest.mark.parametrize("clip", [None, 1.0])
def test_no_step_waits_for_the_device(
    precision: str, clip: float | None, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: torch.cuda.set_sync_debug_mode("default"))
    torch.manual_seed(0)
    net = UNet(width=16, norm="group", attention=False, residual=False, dropout=0.0)
    made = SegmentationModule(
        net, DiceLoss(squared=True, smooth=1.0), partial(Ranger, lr=1e-3), channels_last=True
    )
    image = torch.randn(1, 4, 32, 32, 32)
    spoilt = image * float("nan")
    target = torch.rand(1, 3, 32, 32, 32) > 0.7
    batches = [Batch(spoilt if k == 5 else image, target.float(), [f"case{k}"]) for k in range(10)]
    trainer = pl.Trainer(
        accelerator="gpu",
        devices=1,
        max_epochs=2,
        precision=precision,
        gradient_clip_val=clip,
        callbacks=[StepSeed(0), Resources(), Forbid()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    without_asking(trainer).fit(made, DataLoader(batches, batch_size=None))  # type: ignore[arg-type]
    assert all(value.isfinite().all() for value in made.state_dict().values())
    assert int(trainer.callback_metrics["train/skipped_steps"]) == 1
