"""The teacher's answers count as they should, and a training that was cut off has the same teacher."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.errors import WrongValue
from brats_seg.phantom import write_cohort
from brats_seg.terms import Unlabelled
from brats_seg.training import train
from brats_seg.training.callbacks import MeanTeacher
from brats_seg.training.config import build
from brats_seg.training.consistency import MeanTeacherModule
from brats_seg.training.network import make_network

Config = Callable[..., DictConfig]
TEACHING = ["experiment=pipeline_a_mean_teacher", "data.unlabelled=more"]


def in_epoch(epoch: int, epochs: int) -> pl.Trainer:
    return cast(pl.Trainer, SimpleNamespace(current_epoch=epoch, max_epochs=epochs))


def test_weight_and_decay_rise_over_the_first_fifth() -> None:
    teacher = MeanTeacher(weight=10, ramp=0.2, first_decay=0.99, decay=0.999)
    found = []
    for epoch in (0, 5, 10, 49):
        teacher.on_train_epoch_start(in_epoch(epoch, 50), cast(Any, None))
        found.append((teacher.weight_now(in_epoch(epoch, 50)), teacher.decay))
    assert found[0] == pytest.approx((10 * math.exp(-5), 0.99))
    assert found[1] == pytest.approx((10 * math.exp(-5 / 4), 0.9945))
    assert found[2:] == [pytest.approx((10, 0.999))] * 2


def test_the_difference_is_that_of_two_networks_and_only_the_learning_one_has_a_gradient(
    config: Config, tmp_path: Path
) -> None:
    cfg = config(tmp_path, tmp_path, *TEACHING)
    module = MeanTeacherModule(
        make_network(cfg.model), build(cfg.loss), build(cfg.optimizer), channels_last=False
    )
    other = make_network(cfg.model)
    teacher = MeanTeacher(**cfg.mean_teacher, **cfg.ema)
    teacher.weights = dict(other.state_dict())
    seen, taught = torch.randn(2, 1, 4, 16, 16, 16)
    difference = module._difference(Unlabelled(seen, taught, ["x"]), teacher)
    wanted = (module.net(seen).main.sigmoid() - other(taught).main.sigmoid()).square().mean()
    assert difference.item() == pytest.approx(wanted.item(), rel=1e-4)
    difference.backward()
    assert all(parameter.grad is None for parameter in other.parameters())
    assert any(parameter.grad is not None for parameter in module.net.parameters())


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["experiment=pipeline_a_mean_teacher"], "needs data.unlabelled=DIR"),
        ([*TEACHING, "ema.decay=0"], "needs a teacher: ema.decay=0.999"),
        (["experiment=pipeline_a", "data.unlabelled=more"], "nothing learns from it"),
        ([*TEACHING, "swa.cycles=1"], "use keep=last swa.cycles=0"),
    ],
)
def test_what_is_missing_is_named(config: Config, tmp_path: Path, overrides: list[str], told: str) -> None:
    with pytest.raises(WrongValue, match=told):
        train(config(tmp_path, tmp_path, *overrides))


@pytest.mark.slow
def test_a_training_that_was_cut_off_ends_with_the_same_teacher(
    config: Config, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cohort(tmp_path / "more", cases=6, seed=9, shape=(32, 32, 32))
    for number in range(1, 6):  # whose ids are in the cohort
        shutil.rmtree(tmp_path / "more" / f"BraTS20_Training_{number:03d}")
    science = [
        "experiment=pipeline_a_mean_teacher",
        f"data.unlabelled={tmp_path / 'more'}",
        "name=run",
        "checkpoint_minutes=0",
        "trainer.precision=32-true",
    ]
    whole = train(config(root, tmp_path / "whole", *science)).folder
    rows = (whole.path / "metrics.csv").read_text().splitlines()
    assert "train/consistency" in rows[0]
    assert "unlabelled:\n  - BraTS20_Training_006\n" in (whole.path / "config.yaml").read_text()
    cfg = config(root, tmp_path / "cut", *science)
    real = MeanTeacherModule.training_step
    for epoch in (1, 2):

        def fails(module: Any, batch: Any, index: int, epoch: int = epoch) -> Any:
            if module.current_epoch == epoch and index == 1:
                raise RuntimeError("power")
            return real(module, batch, index)

        monkeypatch.setattr(MeanTeacherModule, "training_step", fails)
        with pytest.raises(RuntimeError, match="power"):
            train(cfg)
    monkeypatch.setattr(MeanTeacherModule, "training_step", real)
    resumed = train(cfg).folder
    weights = "bundle/model.safetensors"
    assert (resumed.path / weights).read_bytes() == (whole.path / weights).read_bytes()
    assert "exponential average" in load_bundle(resumed.bundle).record["provenance"]["weights"]
