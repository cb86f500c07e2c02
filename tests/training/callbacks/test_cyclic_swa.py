"""The whole schedules of section 2.5 on a net of two weights, and what averaging refuses."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.errors import UserError
from brats_seg.models import UNet
from brats_seg.training.average import average_snapshots
from brats_seg.training.callbacks import CosineDecay, CyclicSWA
from brats_seg.training.config import build, load_config
from brats_seg.training.trainer import epochs
from brats_seg.training.weights import mean_weights, read_weights, write_weights


class Line(pl.LightningModule):
    """Two weights that never come to rest."""

    def __init__(self, make_optimizer: Any, net: nn.Module | None = None) -> None:
        super().__init__()
        self.net = net or nn.Linear(1, 1)
        self.make_optimizer = make_optimizer

    def configure_optimizers(self) -> Any:
        return self.make_optimizer(self.net.parameters())

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        return (self.net(batch) - math.sin(self.current_epoch)).square().sum()


class Spy(pl.Callback):
    """What each epoch starts with and what it leaves."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.fresh: dict[int, str] = {}
        self.left: list[dict[str, np.ndarray[Any, Any]]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        optimizer = trainer.optimizers[0]
        self.rates.append(optimizer.param_groups[0]["lr"])
        if not optimizer.state:
            self.fresh[trainer.current_epoch] = type(optimizer).__name__

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.left.append({name: value.numpy().copy() for name, value in pl_module.net.state_dict().items()})


def run(folder: Path, *overrides: str, net: nn.Module | None = None) -> tuple[Line, Spy, CyclicSWA]:
    config = load_config(["data.root=unused", *overrides])
    base = config.schedule.constant_epochs + config.schedule.cosine_epochs
    swa = build(config.swa, first_epoch=base, folder=folder, facts={"pipeline": config.pipeline})
    pl.seed_everything(0, verbose=False)
    module, spy = Line(build(config.optimizer), net), Spy()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs(config),
        callbacks=[build(config.schedule), swa, spy],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, DataLoader(torch.ones(1, 1), batch_size=1))
    return module, spy, swa


def cosine(share: float) -> float:
    return (1 + math.cos(math.pi * share)) / 2


def test_pipeline_a_from_the_first_epoch_to_the_average(tmp_path: Path) -> None:
    module, spy, swa = run(tmp_path, "experiment=pipeline_a")
    base = [1e-4] * 100 + [1e-4 * cosine(e / 100) for e in range(100)]
    assert spy.rates == pytest.approx(base + 5 * [5e-5 * cosine(t / 30) for t in range(30)], rel=1e-12)
    assert spy.fresh == {0: "Ranger", **dict.fromkeys(range(200, 350, 30), "Adam")}
    taken = list(range(202, 350, 3))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"epoch_{e:04d}.safetensors" for e in taken]
    assert [read_weights(path)[1]["epoch"] for path in sorted(tmp_path.iterdir())] == taken
    files = [load_file(path) for path in sorted(tmp_path.iterdir())]
    for epoch, held in zip(taken, files, strict=True):
        assert all(np.array_equal(spy.left[epoch][name], value) for name, value in held.items())
    swa.load_average(module)
    for name, value in module.net.state_dict().items():
        expected = np.mean([held[name].astype(np.float64) for held in files], axis=0)
        assert abs(value.numpy() - expected).max() < 1e-6
        assert abs(value.numpy() - spy.left[-1][name]).max() > 1e-5  # an average, not the last


def test_pipeline_b_has_no_cycles(tmp_path: Path) -> None:
    _, spy, _ = run(tmp_path, "experiment=pipeline_b")
    assert spy.rates == pytest.approx([1e-4 * cosine(e / 400) for e in range(400)], rel=1e-12)
    assert spy.fresh == {0: "Adam"}
    assert list(tmp_path.iterdir()) == []


def test_the_released_code_is_reachable(tmp_path: Path) -> None:
    short = ("schedule.constant_epochs=1", "schedule.cosine_epochs=2", "swa.cycles=1", "swa.cycle_epochs=6")
    module, spy, swa = run(tmp_path, *short, "swa.cosine_epochs=8", "swa.count_base=true")
    assert spy.rates[3:] == pytest.approx([5e-5 * cosine(t / 8) for t in range(6)], rel=1e-12)
    assert [int(path.stem[-4:]) for path in swa.snapshots.values()] == [2, 5, 8]
    swa.load_average(module)
    weight = module.net.state_dict()["weight"].numpy()
    assert weight == pytest.approx(np.mean([spy.left[e]["weight"] for e in (2, 5, 8)], axis=0), rel=1e-6)


def test_running_statistics_are_refused(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    with pytest.raises(UserError, match="running statistics"):
        run(tmp_path, net=net)


def test_a_cycle_without_a_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="snapshot_every=31"):
        run(tmp_path, "swa.snapshot_every=31")


def snapshot(path: Path, value: float, **other: Any) -> UNet:
    net = UNet(width=1, norm="group", attention=False, residual=False, dropout=0.0)
    for parameter in net.parameters():
        nn.init.constant_(parameter, value)
    facts = {"pipeline": "a", "architecture": net.settings(), "normalisation": {"name": "z_score"}}
    write_weights(path, net, {**facts, "epoch": 1, **other})
    return net


def test_average_of_other_snapshots(tmp_path: Path) -> None:
    for number, value in enumerate((1.0, 2.0, 6.0, 50.0)):
        snapshot(tmp_path / f"epoch_{number}.safetensors", value)
    out = average_snapshots(
        [str(tmp_path / "epoch_0.safetensors"), str(tmp_path / "epoch_[12].safetensors")], tmp_path / "bundle"
    )
    bundle = load_bundle(out)
    assert (bundle.pipeline, bundle.record["provenance"]["weights"]) == ("a", "mean of 3 snapshots")
    assert all(bool((value == 3).all()) for value in bundle.net().state_dict().values())
    whole = average_snapshots([str(tmp_path)], tmp_path / "bundle")  # a bundle may be replaced
    assert all(bool((value == 14.75).all()) for value in load_bundle(whole).net().state_dict().values())


def test_the_mean_is_taken_in_double_precision(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.safetensors" for number in range(3)]
    for path, value in zip(paths, (2.0**24, 1.0, 1.0), strict=True):  # in float32, 2^24 + 1 = 2^24
        snapshot(path, value)
    assert float(mean_weights(paths)["main.bias"][0]) == np.float32((2**24 + 2) / 3)


def test_what_cannot_be_averaged_is_one_line(tmp_path: Path) -> None:
    good, other = tmp_path / "good.safetensors", tmp_path / "other.safetensors"
    snapshot(good, 1.0)
    snapshot(other, 1.0, pipeline="b")
    (tmp_path / "text.safetensors").write_text("no weights")
    snapshot(tmp_path / "nan.safetensors", math.nan)
    (tmp_path / "mine").mkdir()
    net = snapshot(tmp_path / "z.safetensors", 1.0, pipeline="z")
    snapshot(tmp_path / "norm.safetensors", 1.0, normalisation={"name": "os.system"})
    snapshot(tmp_path / "arch.safetensors", 1.0, architecture=[1])
    snapshot(tmp_path / "wide.safetensors", 1.0, architecture={**net.settings(), "width": 2})
    write_weights(tmp_path / "none.safetensors", net, {})
    for names, output, message in (
        (["nowhere.safetensors"], "out", "no such file"),
        (["none.safetensors"], "out", "a snapshot that names its"),
        (["z.safetensors"], "out", "expected pipeline a or b"),
        (["norm.safetensors"], "out", r"os\.system"),
        (["arch.safetensors"], "out", "expected plain values for architecture"),
        (["wide.safetensors"], "out", "do not fit the architecture"),
        (["good.safetensors", "other.safetensors"], "out", "expected the pipeline of"),
        (["text.safetensors"], "out", "expected a file of weights"),
        (["nan.safetensors"], "out", "expected finite weights"),
        (["good.safetensors"], "mine", "has not written it"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            average_snapshots([str(tmp_path / name) for name in names], tmp_path / output)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("epoch", "rate"), [(0, 1.0), (2, 1.0), (3, 0.5), (4, 7.0)])
def test_the_schedule_sets_the_rate_of_every_group_until_it_ends(epoch: int, rate: float) -> None:
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD([{"params": [net.weight]}, {"params": [net.bias]}], lr=7.0)
    trainer = SimpleNamespace(current_epoch=epoch, optimizers=[optimizer])
    module = SimpleNamespace(log=lambda key, value: None, net=net)
    schedule = CosineDecay(base_rate=1.0, constant_epochs=2, cosine_epochs=2)
    schedule.on_train_epoch_start(trainer, module)  # type: ignore[arg-type]
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([rate, rate])
