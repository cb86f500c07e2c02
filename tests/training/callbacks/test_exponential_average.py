"""The average follows its definition, validates in place of the weights, and survives a resume."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from brats_seg.training.callbacks import ExponentialAverage


class Line(pl.LightningModule):
    """Weights that move in every step, and a count beside them; notes what validates."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
        self.seen: list[dict[str, Tensor]] = []
        self.validated: list[dict[str, Tensor]] = []

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.net.parameters(), lr=0.1)

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        return (self.net(batch) - index).square().mean()

    def validation_step(self, batch: Tensor, index: int) -> None:
        self.validated.append(copy.deepcopy(self.net.state_dict()))

    def on_train_batch_end(self, *_: Any) -> None:
        self.seen.append(copy.deepcopy(self.net.state_dict()))


def fit(
    epochs: int, *, decay: float = 0.9, checkpoint: Path | None = None, **options: Any
) -> tuple[Any, ...]:
    torch.manual_seed(0)
    module, average = Line(), ExponentialAverage(decay=decay)
    data = DataLoader(torch.arange(12.0).view(6, 2), batch_size=2)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=[average],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **options,
    )
    start = copy.deepcopy(module.net.state_dict())
    trainer.fit(module, data, data, ckpt_path=checkpoint, weights_only=True)
    return trainer, module, average, start


def test_it_is_the_recursion_and_what_counts_is_copied() -> None:
    _, module, average, expected = fit(4)
    for step, weights in enumerate(module.seen, 1):
        decay = min(0.9, (1 + step) / (10 + step))
        for name, value in weights.items():
            mixed = decay * expected[name] + (1 - decay) * value
            expected[name] = mixed if value.is_floating_point() else value
    assert average.steps == 12
    for name, value in expected.items():
        torch.testing.assert_close(average.weights[name], value)
    assert int(average.weights["1.num_batches_tracked"]) == 12


def test_validation_sees_the_average_and_training_goes_on_from_the_weights() -> None:
    _, module, average, _ = fit(3)
    plain = Line()
    for name, value in average.weights.items():
        assert module.validated[-1][name].equal(value)
        assert module.net.state_dict()[name].equal(module.seen[-1][name])
    average.load_average(plain)
    assert all(value.equal(average.weights[name]) for name, value in plain.net.state_dict().items())


def test_without_a_decay_it_is_the_last_weights() -> None:
    _, module, average, _ = fit(2, decay=0.0)
    for name, value in module.seen[-1].items():
        torch.testing.assert_close(average.weights[name], value)


def test_accumulated_gradients_are_one_step() -> None:
    _, _, average, _ = fit(2, accumulate_grad_batches=3)
    assert average.steps == 2


def test_a_resumed_training_has_the_same_average_to_the_bit(tmp_path: Path) -> None:
    whole = fit(4)[2]
    trainer, *_ = fit(2)
    trainer.save_checkpoint(tmp_path / "cut.ckpt")
    resumed = fit(4, checkpoint=tmp_path / "cut.ckpt")[2]
    assert resumed.steps == whole.steps
    assert all(value.equal(whole.weights[name]) for name, value in resumed.weights.items())


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU: the average of a checkpoint is not moved to one"
)
def test_on_a_gpu_the_average_follows_the_network() -> None:
    module, average = Line().cuda(), ExponentialAverage(decay=0.9)
    average.load_state_dict({"steps": 3, "weights": Line().net.state_dict()})
    average.on_train_start(pl.Trainer(logger=False, enable_checkpointing=False), module)
    assert {value.device.type for value in average.weights.values()} == {"cuda"}
