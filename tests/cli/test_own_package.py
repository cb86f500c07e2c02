"""A package of somebody else adds a callback, an optimiser and a loss: ``--cfg job``, training, resuming."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGE = """
import os
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import nn


class Diary(pl.Callback):
    def __init__(self, file: str, every: int) -> None:
        self.file, self.every = Path(file), every

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch % self.every == 0:
            with self.file.open("a") as file:
                print(trainer.current_epoch, type(trainer.optimizers[0]).__name__, file=file)

    def on_train_epoch_start(self, trainer, pl_module):
        if os.environ.get("STOP_AT") == str(trainer.current_epoch):
            raise RuntimeError("stopped on purpose")


class Sign(torch.optim.Optimizer):
    def __init__(self, params, lr: float, scale: float) -> None:
        super().__init__(params, {"lr": lr, "scale": scale})

    @torch.no_grad()
    def step(self, closure=None):
        loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter -= group["lr"] * group["scale"] * parameter.grad.sign()
        return loss


class Overlap(nn.Module):
    def __init__(self, smooth: float) -> None:
        super().__init__()
        self.smooth = smooth

    def forward(self, logits, target):
        overlap = (logits.float().sigmoid() * target).mean()
        return -torch.log(overlap + self.smooth)
"""
CONF = {
    "callbacks/diary.yaml": "diary: {_target_: own_package.Diary, file: diary.txt, every: 1}",
    "optimizer/sign.yaml": "{_target_: own_package.Sign, _partial_: true, lr: 1e-3, scale: 1.0}",
    "loss/overlap.yaml": "{_target_: own_package.Overlap, smooth: 1e-3}",
}
CHOSEN = ("callbacks=diary", "optimizer=sign", "loss=overlap", "name=own")
SMALL = (
    "experiment=pipeline_b",
    "scale=smoke",
    "model.width=2",
    "data.patch=[16,16,16]",
    "data.workers=0",
    "data.folds=2",
    "schedule.cosine_epochs=3",
    "trainer.precision=32-true",
    "out_of_fold.predict=false",
)

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path, root: Path) -> Run:
    (tmp_path / "own_package.py").write_text(PACKAGE)
    for name, text in CONF.items():
        file = tmp_path / "my_conf" / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    command = [Path(sys.executable).with_name("brats-seg"), "train", "--config-dir", "my_conf"]
    places = (f"data.root={root / 'cohort'}", f"data.cache={tmp_path / 'cache'}")

    def train(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        words = [*command, *CHOSEN, *SMALL, *places, *arguments]
        variables = {**os.environ, "PYTHONPATH": str(tmp_path), **environment}
        return subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True)

    return train


def test_a_package_of_ones_own(run: Run, tmp_path: Path) -> None:
    shown = run("--cfg", "job")
    assert shown.returncode == 0, shown.stderr
    for part in ("own_package.Diary", "own_package.Sign", "own_package.Overlap"):
        assert part in shown.stdout

    stopped = run(STOP_AT="1")
    assert stopped.returncode != 0
    assert (tmp_path / "diary.txt").read_text() == "0 Sign\n"

    resumed = run()
    assert resumed.returncode == 0, resumed.stderr
    assert "epoch 1/3" not in resumed.stdout and "epoch 2/3" in resumed.stdout
    assert (tmp_path / "diary.txt").read_text() == "0 Sign\n1 Sign\n2 Sign\n"
    assert (tmp_path / "runs" / "own" / "fold_0" / "bundle").is_dir()


def test_values_of_ones_own_are_checked_by_their_annotations(run: Run) -> None:
    refused = run("callbacks.diary.every=often", "loss.smooth=small", "optimizer.lr=fast")
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "brats-seg train: error: callbacks.diary.every=often: expected a whole number",
        "brats-seg train: error: loss.smooth=small: expected a number",
        "brats-seg train: error: optimizer.lr=fast: expected a number from 0",
    ]
