"""Switches that change what a training costs, not what it learns; and the stop that keeps what was learnt."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.errors import UserError
from brats_seg.models import UNet
from brats_seg.terms import Batch
from brats_seg.training import SegmentationModule, train

Run = Callable[..., Path]


@pytest.fixture(scope="module")
def run(config: Callable[..., DictConfig]) -> Run:
    def train_small(root: Path, *overrides: str, epochs: int = 1) -> Path:
        short = [f"schedule.constant_epochs={epochs}", "schedule.cosine_epochs=1", "swa.cycles=0"]
        return train(config(root, root / "runs", *short, "trainer.precision=32-true", *overrides)).folder.path

    return train_small


def weights(folder: Path) -> dict[str, Tensor]:
    return load_bundle(folder / "bundle").net().state_dict()


@pytest.fixture(scope="module")
def plain(run: Run, root: Path) -> dict[str, Tensor]:
    return weights(run(root, "name=plain"))


@pytest.mark.slow
@pytest.mark.parametrize("switch", ["deterministic", "checkpointing"])
def test_on_a_cpu_the_weights_are_the_same_to_the_bit(
    run: Run, root: Path, plain: dict[str, Tensor], switch: str, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: torch.use_deterministic_algorithms(False))
    found = weights(run(root, f"name={switch}", f"{switch}=true"))
    assert all(value.equal(plain[key]) for key, value in found.items())


@pytest.mark.slow
@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU on this machine: two trainings on CUDA are not compared"
)
def test_two_deterministic_trainings_on_cuda_are_equal(
    run: Run, root: Path, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: torch.use_deterministic_algorithms(False))
    switches = ["deterministic=true", "trainer.accelerator=gpu", "trainer.precision=auto"]
    one, other = (weights(run(root, f"name=cuda_{k}", *switches)) for k in range(2))
    assert all(value.equal(other[key]) for key, value in one.items())


@pytest.mark.slow
@pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="no GPU on this machine: fp16 with loss scaling is not cut off there",
)
def test_fp16_on_cuda_goes_on_to_the_same_weights(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: torch.use_deterministic_algorithms(False))
    switches = ["deterministic=true", "trainer.accelerator=gpu", "trainer.precision=16-mixed"]
    whole = weights(run(root, "name=fp16", *switches, epochs=3))
    step = SegmentationModule.training_step

    class Power(RuntimeError): ...

    def fails(self: SegmentationModule, batch: Batch, index: int) -> dict[str, Tensor]:
        if self.current_epoch == 2 and index == 1:
            raise Power
        return step(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(SegmentationModule, "training_step", fails)
        with pytest.raises(Power):
            run(root, "name=fp16_cut", *switches, epochs=3)
    found = weights(run(root, "name=fp16_cut", *switches, epochs=3))
    assert all(value.equal(whole[key]) for key, value in found.items())


@pytest.mark.slow
@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU on this machine: no step is compiled for one"
)
def test_compiled_steps_on_cuda_learn_the_same(run: Run, root: Path) -> None:
    losses = []
    for switch in ("true", "false"):
        folder = run(root, f"name=cuda_compile_{switch}", f"compile={switch}", "trainer.accelerator=gpu")
        with (folder / "metrics.csv").open(newline="") as file:
            losses.append([float(row["train/loss"]) for row in csv.DictReader(file)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)


@pytest.mark.slow
@pytest.mark.usefixtures("shapes_unchecked")
def test_compiled_steps_learn_the_same(
    run: Run, root: Path, plain: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[nn.Module] = []
    trace = partial(
        nn.Module.compile, backend="eager"
    )  # the graph is what can go wrong here, not torch's code for it

    def compile_(net: nn.Module) -> None:
        compiled.append(net)
        trace(net)

    monkeypatch.setattr(UNet, "compile", compile_)
    found = weights(run(root, "name=compiled", "compile=true"))
    assert len(compiled) == 1
    torch.testing.assert_close(found, plain, rtol=1e-2, atol=1e-3)


def test_ten_spoilt_steps_leave_the_last_good_checkpoint(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = SegmentationModule.training_step

    def spoilt(self: SegmentationModule, batch: Batch, index: int) -> dict[str, Tensor]:
        if self.current_epoch >= 1:
            batch = batch._replace(image=batch.image * float("nan"))
        return step(self, batch, index)

    monkeypatch.setattr(SegmentationModule, "training_step", spoilt)
    with pytest.raises(UserError, match="10 steps in a row") as caught:
        run(root, "name=spoilt", epochs=6)
    assert "\n" not in str(caught.value)
    folder = root / "runs" / "spoilt" / "fold_0"
    held: dict[str, Any] = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert all(value.isfinite().all() for value in held["state_dict"].values())
    assert held["epoch"] == 2  # four steps an epoch: the tenth spoilt one is in epoch 3
    with (folder / "metrics.csv").open(newline="") as file:
        assert [float(row["train/skipped_steps"]) for row in csv.DictReader(file)] == [0, 4, 4]
    with (folder / "case_losses.csv").open(newline="") as file:
        assert {row["loss"] == "nan" for row in csv.DictReader(file) if int(row["epoch"]) > 0} == {True}
