"""Trainings that few people run."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from torch import nn

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.artifacts.weights_file import write_weights
from brats_seg.errors import FileError, UserError, WrongValue
from brats_seg.training.callbacks import Autotune, CaseLosses
from brats_seg.training.callbacks.checkpoint_files import sha256_of
from brats_seg.training.callbacks.progress import Progress
from brats_seg.training.config import build, load_config, make_part
from brats_seg.training.fill_cache import prepare_with_progress
from brats_seg.training.final_bundle import _choose_weights
from brats_seg.training.network import make_network
from brats_seg.training.skipped_steps import _changed_by
from brats_seg.training.weights import mean_weights

TRAINER: Any = SimpleNamespace(is_global_zero=True, current_epoch=1, num_training_batches=9)
MODULE: Any = None


def test_the_search_of_cudnn_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    search = Autotune()
    search.on_train_batch_start(TRAINER, MODULE, None, 0)
    assert torch.backends.cudnn.benchmark
    search.on_exception(TRAINER, MODULE, RuntimeError())
    assert not torch.backends.cudnn.benchmark


def test_an_epoch_in_which_a_process_saw_no_case_has_no_rows(tmp_path: Path) -> None:
    losses = CaseLosses(tmp_path / "case_losses.csv")
    losses.on_train_epoch_end(TRAINER, MODULE)
    assert losses.rows == []


def test_the_hash_of_a_file_that_has_become_shorter(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_of(tmp_path / "x", 99) == hashlib.sha256(b"abc").digest()


def test_a_terminal_shows_the_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    Progress().on_train_batch_end(TRAINER, MODULE, None, None, 2)
    assert capsys.readouterr().out == "\repoch 2 step 3/9  "


@pytest.mark.parametrize("name", ["${a}", "\\${a}"])
def test_a_dollar_in_a_name_is_a_name(name: str) -> None:
    asked = {"_target_": "builtins.dict", "path": {"one": "x"}, "several": ["x", 3]}
    config = OmegaConf.create(asked)
    config.path.one = config.several[0] = name.replace("${", "\\${", 1) if "\\" not in name else name
    made = build(config)
    assert made["path"]["one"] == made["several"][0]
    assert made["several"][1] == 3
    assert "${a}" in made["path"]["one"]


def test_a_defect_in_a_part_is_no_wrong_value() -> None:
    with pytest.raises(InstantiationException):
        make_part("loss", OmegaConf.create({"_target_": "operator.truediv", "_args_": [1, 0]}))


def test_a_part_that_makes_no_network() -> None:
    with pytest.raises(WrongValue, match=r"model: brats_seg\.seeds\.seed_for makes no network"):
        make_network(OmegaConf.create({"_target_": "brats_seg.seeds.seed_for", "_args_": [1, "x"]}))


def test_remarks_are_said_when_the_cases_are_ready(capsys: pytest.CaptureFixture[str]) -> None:
    class Data:
        workers = 0
        cases_ready = ("a",)

        def prepare_cases(self, *_: Any, **__: Any) -> None: ...

        def remarks(self) -> list[str]:
            return ["case a: odd"]

    assert prepare_with_progress(Data()) == 1  # type: ignore[arg-type]
    assert capsys.readouterr().out == "case a: odd\n"


def test_no_best_weights_where_no_loss_was_finite(
    config: Callable[..., DictConfig], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callbacks = {"CyclicSWA": SimpleNamespace(snapshots=[])}
    best = SimpleNamespace(epoch=-1, check=lambda: None)

    def find(trainer: Any, kind: type) -> Any:
        return callbacks.get(kind.__name__, best)

    monkeypatch.setattr("brats_seg.training.final_bundle.find_callback", find)
    wanted = config(root, tmp_path, "experiment=pipeline_b", "keep=best")
    with pytest.raises(UserError, match="no validation loss was finite, so there are no best weights"):
        _choose_weights(wanted, RunFolder(tmp_path), MODULE, TRAINER)


def test_snapshots_that_cannot_be_averaged(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no snapshot to average"):
        mean_weights([])
    for width in (2, 3):
        write_weights(tmp_path / f"{width}.safetensors", {"w": torch.ones(width)}, {})
    with pytest.raises(FileError, match=r"expected the network of .*2\.safetensors, found another one"):
        mean_weights([tmp_path / "2.safetensors", tmp_path / "3.safetensors"])


def test_weights_without_a_gradient_are_not_changed() -> None:
    net = nn.Linear(2, 1)
    net.bias.requires_grad_(False)
    net(torch.ones(1, 2)).sum().backward()
    assert _changed_by(torch.optim.SGD(net.parameters())) == [net.weight]


def test_every_case_trains_and_none_validates(root: Path, tmp_path: Path) -> None:
    places = [f"data.root={root / 'cohort'}", f"data.cache={tmp_path}", "data.workers=0", "fold=all"]
    data = build(load_config(places).data)
    assert data.val_dataloader() == []


def test_a_folder_of_unlabelled_cases_that_holds_no_clear_one(
    config: Callable[..., DictConfig], root: Path, tmp_path: Path
) -> None:
    (tmp_path / "more" / "BraTS20_Training_009").mkdir(parents=True)
    for ending in (".nii", ".nii.gz"):  # which of the two is meant?
        (tmp_path / "more" / "BraTS20_Training_009" / f"BraTS20_Training_009_t1{ending}").touch()
    teaching = ["experiment=pipeline_a_mean_teacher", f"data.unlabelled={tmp_path / 'more'}"]
    data = build(config(root, tmp_path, *teaching).data)
    with pytest.raises(UserError, match=r"data\.unlabelled=.*: expected cases, found "):
        data.prepare_cases()
