"""A package of somebody else adds a callback, an optimiser, a loss and a network.

``--cfg job``, training, a kill and resuming; the bundle predicts, alone and in an ensemble, and is exported.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from brats_seg.artifacts import save_bundle
from brats_seg.models import UNet
from brats_seg.preprocessing import ZScore

PACKAGE = """
import os
import signal
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import nn

if "IMPORTED" in os.environ:
    Path(os.environ["IMPORTED"]).touch()


class Diary(pl.Callback):
    def __init__(self, file: str, every: int) -> None:
        self.file, self.every = Path(file), every

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch % self.every == 0:
            with self.file.open("a") as file:
                print(trainer.current_epoch, type(trainer.optimizers[0]).__name__, file=file)

    def on_train_epoch_start(self, trainer, pl_module):
        if os.environ.get("STOP_AT") == str(trainer.current_epoch):
            os.kill(os.getpid(), signal.SIGKILL)


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


class Net(nn.Module):
    def __init__(self, width: int, kernels: list) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        channels = 4
        for kernel in kernels:
            self.layers.append(nn.Conv3d(channels, width, kernel, padding=kernel // 2))
            self.layers.append(nn.InstanceNorm3d(width, affine=True))
            channels = width
        self.layers.append(nn.Conv3d(channels, 3, 1))

    def forward(self, image):
        return self.layers(image)
"""
CONF = {
    "callbacks/diary.yaml": "diary: {_target_: own_package.Diary, file: diary.txt, every: 1}",
    "optimizer/sign.yaml": "{_target_: own_package.Sign, _partial_: true, lr: 1e-3, scale: 1.0}",
    "loss/overlap.yaml": "{_target_: own_package.Overlap, smooth: 1e-3}",
    "model/own.yaml": "{_target_: own_package.Net, width: 3, kernels: [3, 1]}",
}
CHOSEN = ("callbacks=diary", "optimizer=sign", "loss=overlap", "model=own", "name=own")
SMALL = (
    "experiment=pipeline_b",
    "scale=smoke",
    "data.patch=[16,16,16]",
    "data.workers=0",
    "data.folds=2",
    "schedule.cosine_epochs=3",
    "trainer.precision=32-true",
    "checkpoint_minutes=0",
)

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def brats_seg(tmp_path: Path) -> Run:
    (tmp_path / "own_package.py").write_text(PACKAGE)

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        variables = {**os.environ, "PYTHONPATH": path, **environment}
        command = [Path(sys.executable).with_name("brats-seg"), *words]
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)

    return run


@pytest.fixture
def run(brats_seg: Run, tmp_path: Path, root: Path) -> Run:
    for name, text in CONF.items():
        file = tmp_path / "my_conf" / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    places = (f"data.root={root / 'cohort'}", f"data.cache={tmp_path / 'cache'}")

    def train(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return brats_seg(
            "train", "--config-dir", "my_conf", *CHOSEN, *SMALL, *places, *arguments, **environment
        )

    return train


def test_a_package_of_ones_own(run: Run, brats_seg: Run, tmp_path: Path, root: Path) -> None:
    shown = run("--cfg", "job")
    assert shown.returncode == 0, shown.stderr
    for part in ("own_package.Diary", "own_package.Sign", "own_package.Overlap", "own_package.Net"):
        assert part in shown.stdout

    stopped = run(STOP_AT="1")
    assert stopped.returncode == -signal.SIGKILL
    assert (tmp_path / "diary.txt").read_text() == "0 Sign\n"

    resumed = run()
    assert resumed.returncode == 0, resumed.stderr
    assert "epoch 1/3" not in resumed.stdout and "epoch 2/3" in resumed.stdout
    assert (tmp_path / "diary.txt").read_text() == "0 Sign\n1 Sign\n2 Sign\n"
    fold = tmp_path / "runs" / "own" / "fold_0"
    assert (fold / "evaluation" / "per_case.csv").is_file()  # the training trusts the package that it names
    recorded = json.loads((fold / "bundle" / "bundle.json").read_text())
    assert recorded["architecture"] == {
        "name": "own_package.Net",
        "arguments": {"width": 3, "kernels": [3, 1]},
    }
    assert "own_package" in recorded["provenance"]["versions"]
    again = run()
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True), again.stderr
    _opens_where_trusted(brats_seg, fold / "bundle", tmp_path, root)


def _opens_where_trusted(brats_seg: Run, bundle: Path, folder: Path, root: Path) -> None:
    """The bundle in an ensemble with a network of this package, and as an exported file."""
    ours = UNet(width=2, norm="instance", attention=False, residual=False, dropout=0.0)
    normalisation = ZScore().settings()
    save_bundle(folder / "ours", ours, pipeline="b", normalisation=normalisation, provenance={}, scores={})
    case = sorted(path for path in (root / "cohort").iterdir() if path.is_dir())[0]
    words = ["predict", f"bundles.b=[{bundle},{folder / 'ours'}]", f"input={case}", "output=out", "tta=none"]
    refused = brats_seg(*words, IMPORTED=str(folder / "imported"))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused.stderr
    assert "trust=[own_package]" in refused.stderr
    assert not (folder / "imported").exists()
    assert not list((folder / "out").glob("*.nii.gz"))

    shown = brats_seg("bundle", f"path={bundle}", "action=show", IMPORTED=str(folder / "imported"))
    assert "own_package.Net" in shown.stdout
    assert not (folder / "imported").exists()

    predicted = brats_seg(*words, "trust=[own_package]", IMPORTED=str(folder / "imported"))
    assert predicted.returncode == 0, predicted.stderr
    assert (folder / "imported").exists()
    assert (folder / "out" / f"{case.name}.nii.gz").is_file()

    asked = [f"bundle={bundle}", "output=net.pt2", "format=torch_export", "parity_shape=[16,24,32]"]
    exported = brats_seg("export", *asked, "trust=own_package")
    assert exported.returncode == 0, exported.stderr
    assert (folder / "net.pt2").is_file()


def test_values_of_ones_own_are_checked_by_their_annotations(run: Run) -> None:
    refused = run("callbacks.diary.every=often", "loss.smooth=small", "optimizer.lr=fast")
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "brats-seg train: error: callbacks.diary.every=often: expected a whole number",
        "brats-seg train: error: loss.smooth=small: expected a number",
        "brats-seg train: error: optimizer.lr=fast: expected a number from 0",
    ]
