"""The encoder stays to the bit while it is frozen, then learns; old weights learn at their own rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader

from brats_seg.errors import UserError, WrongValue
from brats_seg.training.callbacks import CosineDecay, FrozenEncoder
from brats_seg.training.init_bundle import RATE_FACTOR, parameter_groups
from brats_seg.training.refusals import refuse_impossible


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(2, 2)
        self.main = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.main(self.encoder(x))
        return answer


class Line(pl.LightningModule):
    """Notes the weights after each epoch."""

    def __init__(self, net: nn.Module, old_rate: float = 1.0) -> None:
        super().__init__()
        self.net = net
        self.old_rate = old_rate
        self.after: list[dict[str, Tensor]] = []
        self.rates: list[list[float]] = []

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(parameter_groups(self.net, self.old_rate), lr=0.1, weight_decay=0.1)

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        answer: Tensor = self.net(batch)
        return (answer - 1).square().mean()

    def on_train_epoch_end(self) -> None:
        self.after.append({name: value.clone() for name, value in self.net.state_dict().items()})
        self.rates.append([group["lr"] for group in self.trainer.optimizers[0].param_groups])


def fit(module: Line, *callbacks: pl.Callback, epochs: int = 4) -> Line:
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, DataLoader(torch.arange(8.0).view(4, 2), batch_size=2))
    return module


def test_the_encoder_stays_to_the_bit_and_then_learns() -> None:
    net = Net()
    start = net.encoder.weight.detach().clone()
    module = fit(Line(net), FrozenEncoder(2))
    assert [bool(weights["encoder.weight"].equal(start)) for weights in module.after] == [
        True,
        True,
        False,
        False,
    ]
    assert not module.after[0]["main.weight"].equal(module.after[1]["main.weight"])


def test_old_weights_have_their_share_of_the_rate_in_every_epoch() -> None:
    module = fit(Line(Net(), 0.1), CosineDecay(base_rate=0.2, constant_epochs=1, cosine_epochs=2), epochs=3)
    assert [rates[0] for rates in module.rates] == pytest.approx([0.2, 0.2, 0.1])
    assert [rates[1] for rates in module.rates] == pytest.approx([0.02, 0.02, 0.01])


def test_every_weight_is_in_one_group() -> None:
    net = Net()
    new, old = parameter_groups(net, 0.5)
    assert (old[RATE_FACTOR], new[RATE_FACTOR]) == (0.5, 1.0)
    assert [id(p) for p in new["params"]] == [id(p) for p in net.main.parameters()]
    assert [id(p) for p in old["params"]] == [id(p) for p in net.encoder.parameters()]
    assert [len(list(group["params"])) for group in parameter_groups(nn.Linear(2, 2), 0.5)] == [2]
    assert list(parameter_groups(net, 1.0)) == list(net.parameters())


def test_a_network_without_an_encoder_is_one_line() -> None:
    with pytest.raises(UserError, match="Linear has no part named encoder"):
        fit(Line(nn.Linear(2, 1)), FrozenEncoder(2))


def test_without_a_bundle_there_is_nothing_old(
    config: Callable[..., DictConfig], root: Path, tmp_path: Path
) -> None:
    for key in ("fine_tune.frozen_epochs=2", "fine_tune.old_rate=0.1"):
        with pytest.raises(WrongValue, match=f"{key}.* give init=BUNDLE"):
            refuse_impossible(config(root, tmp_path, key))
