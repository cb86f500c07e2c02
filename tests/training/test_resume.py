"""A training that is cut off anywhere ends as one that is not."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.errors import UserError
from brats_seg.phantom import write_cohort
from brats_seg.training import final_bundle, train
from brats_seg.training.callbacks import TwoCheckpoints
from brats_seg.training.module import SegmentationModule
from brats_seg.training.run import FINISHED_BEFORE, RESUMED
from brats_seg.training.weights import read_weights

A = ["experiment=pipeline_a", "schedule.constant_epochs=1", "schedule.cosine_epochs=1"]
CYCLES = ["swa.cycles=2", "swa.cycle_epochs=3", "swa.snapshot_every=2", "swa.count_base=true"]
B = ["experiment=pipeline_b", "schedule.constant_epochs=0", "schedule.cosine_epochs=4"]
Config = Callable[..., DictConfig]


class Power(RuntimeError):
    """It went out."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_cohort(root / "cohort", cases=3, seed=0, shape=(32, 32, 32))
    return root


@pytest.fixture(scope="module")
def config(config: Config) -> Config:
    def compose(root: Path, runs: Path, *overrides: str) -> DictConfig:
        return config(
            root,
            runs,
            "model.width=1",
            "data.folds=3",
            "trainer.precision=32-true",
            "name=run",
            "checkpoint_minutes=0",
            *overrides,
        )

    return compose


def outcome(folder: Path) -> dict[str, bytes]:
    """Every weight that was written, the scores, and what the epochs had to say."""
    files = [folder / "bundle" / "model.safetensors", *(folder / "snapshots").glob("*")]
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [
            (row["epoch"], row["lr"], row["train/loss"], row.get("val/loss")) for row in csv.DictReader(file)
        ]
    told = {
        "rows": repr(rows).encode(),
        "scores": repr(load_bundle(folder / "bundle").record["scores"]).encode(),
    }
    return {**{path.name: path.read_bytes() for path in files}, **told}


def cut(cfg: DictConfig, owner: Any, name: str, when: Callable[..., bool]) -> None:
    """Train until ``when`` is true of the arguments with which a function is about to be called."""
    real = getattr(owner, name)

    def fails(*arguments: Any, **options: Any) -> Any:
        if when(*arguments):
            raise Power
        return real(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, fails)
        with pytest.raises(Power):
            train(cfg)


def in_epoch(epoch: int) -> Callable[..., bool]:
    """Before the second step of an epoch."""
    return lambda module, batch, index: bool(module.current_epoch == epoch and index == 1)


def before_checkpoint(epoch: int) -> Callable[..., bool]:
    return lambda callback, trainer, module: bool(trainer.current_epoch == epoch)


@pytest.mark.slow
def test_in_base_epochs_in_cycles_before_a_checkpoint_and_before_the_bundle(
    config: Config, root: Path, tmp_path: Path
) -> None:
    science = [*A, *CYCLES, "model.dropout=0.3"]
    whole = train(config(root, tmp_path / "whole", *science)).folder.path
    cfg = config(root, tmp_path / "cut", *science)
    step = (SegmentationModule, "training_step")
    for epoch in (0, 1, 3, 5):  # 2 and 5 start cycles
        cut(cfg, *step, in_epoch(epoch))
    cut(cfg, TwoCheckpoints, "on_train_epoch_end", before_checkpoint(6))  # whose snapshot is there already
    assert (tmp_path / "cut" / "run" / "fold_0" / "snapshots" / "epoch_0006.safetensors").exists()
    cut(cfg, *step, in_epoch(6))
    assert not (tmp_path / "cut" / "run" / "fold_0" / "snapshots" / "epoch_0006.safetensors").exists()
    cut(cfg, final_bundle, "save_bundle", lambda *_: True)
    folder = train(cfg).folder.path
    assert outcome(folder) == outcome(whole)
    assert sorted(path.stem for path in (folder / "snapshots").iterdir()) == [
        "epoch_0001",
        "epoch_0003",
        "epoch_0006",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("killed", "found"), [(True, 1), (False, 2)])
def test_with_few_checkpoints_it_continues_from_an_older_one_to_the_same_end(
    config: Config, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool, found: int
) -> None:
    """In time only snapshots and ends of cycles are followed by a file; an error leaves the last epoch."""
    science = [*A, *CYCLES]
    whole = train(config(root, tmp_path / "whole", *science)).folder.path
    cfg = config(root, tmp_path / "cut", *science, "checkpoint_minutes=1000")
    with monkeypatch.context() as patch:
        if killed:
            patch.setattr(TwoCheckpoints, "on_exception", lambda *_: None)
        cut(cfg, SegmentationModule, "training_step", in_epoch(3))
    last = tmp_path / "cut" / "run" / "fold_0" / "checkpoints" / "last.ckpt"
    assert torch.load(last, weights_only=True)["epoch"] == found
    folder = train(cfg).folder.path
    assert outcome(folder) == outcome(whole)


@pytest.mark.slow
def test_the_best_epoch_of_pipeline_b_is_kept_though_the_folder_moves(
    config: Config, root: Path, tmp_path: Path
) -> None:
    whole = train(config(root, tmp_path / "whole", *B)).folder.path
    with (whole / "metrics.csv").open(newline="") as file:
        losses = [float(row["val/loss"]) for row in csv.DictReader(file)]
    weights, facts = read_weights(whole / "best.safetensors")
    assert losses[facts["epoch"]] == min(losses)
    held = load_bundle(whole / "bundle").net().state_dict()
    assert all(value.equal(held[name]) for name, value in weights.items())
    cfg = config(root, tmp_path / "cut", *B)
    cut(cfg, TwoCheckpoints, "on_train_epoch_end", before_checkpoint(facts["epoch"]))
    cut(cfg, SegmentationModule, "training_step", in_epoch(3))
    shutil.move(tmp_path / "cut", tmp_path / "moved")
    moved = train(config(root, tmp_path / "moved", *B))
    assert outcome(moved.folder.path) == outcome(whole)
    assert moved.state == RESUMED


@pytest.mark.parametrize("damage", ["cut short", "one byte", "directory", "gone"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    config: Config, root: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    science = [*A, "schedule.cosine_epochs=2"]
    whole = train(config(root, tmp_path / "whole", *science)).folder.path
    cfg = config(root, tmp_path / "cut", *science)
    cut(cfg, SegmentationModule, "training_step", in_epoch(2))
    last = tmp_path / "cut" / "run" / "fold_0" / "checkpoints" / "last.ckpt"
    data = bytearray(last.read_bytes())
    if damage == "gone":  # between the two renames
        last.unlink()
    elif damage == "cut short":
        last.write_bytes(data[: len(data) // 2])
    else:
        place = (
            len(data) // 2 if damage == "one byte" else data.rfind(b"PK\1\2") + 10
        )  # a way of compression there is not
        data[place] ^= 16
        last.write_bytes(data)
    capsys.readouterr()
    folder = train(cfg).folder.path
    said = capsys.readouterr().out
    assert ("last.ckpt is damaged: continuing from previous.ckpt" in said) == (damage != "gone")
    assert "epoch 1/3" not in said and "epoch 2/3" in said
    assert outcome(folder) == outcome(whole)


def test_nothing_to_continue_from_is_one_line(config: Config, root: Path, tmp_path: Path) -> None:
    cfg = config(root, tmp_path, *A, *CYCLES)
    cut(cfg, SegmentationModule, "training_step", in_epoch(3))
    folder = tmp_path / "run" / "fold_0"
    snapshot = folder / "snapshots" / "epoch_0001.safetensors"
    held = snapshot.read_bytes()
    snapshot.unlink()
    with pytest.raises(UserError, match=r"epoch_0001.safetensors is missing"):
        train(cfg)
    snapshot.write_bytes(held)
    for name in ("last.ckpt", "previous.ckpt"):
        (folder / "checkpoints" / name).write_bytes(b"")
    with pytest.raises(UserError, match="every checkpoint is damaged"):
        train(cfg)


def test_best_weights_that_are_gone_are_noticed_at_the_start(
    config: Config, root: Path, tmp_path: Path
) -> None:
    cfg = config(root, tmp_path, *B, "schedule.cosine_epochs=2")
    best = tmp_path / "run" / "fold_0" / "best.safetensors"
    cut(cfg, SegmentationModule, "training_step", in_epoch(1))
    held = best.read_bytes()
    best.unlink()
    with pytest.raises(UserError, match=r"best.safetensors is missing: put it back"):
        train(cfg)
    best.write_bytes(held)
    cut(cfg, final_bundle, "save_bundle", lambda *_: True)
    best.unlink()
    with pytest.raises(UserError, match=r"best.safetensors is missing: put it back"):
        train(cfg)  # no epoch is left


def test_fine_tuning_starts_from_a_bundle(config: Config, root: Path, tmp_path: Path) -> None:
    bundle = train(config(root, tmp_path / "first", *A)).folder.bundle
    still = [
        "optimizer.lr=0",
        "schedule.constant_epochs=1",
        "schedule.cosine_epochs=0",
        "experiment=pipeline_a",
    ]
    second = train(config(root, tmp_path / "second", *still, f"init={bundle}", "seed=7"))
    tuned = load_bundle(second.folder.bundle)
    held = load_bundle(bundle).net().state_dict()
    assert all(torch.equal(value, held[name]) for name, value in tuned.net().state_dict().items())
    assert tuned.record["provenance"]["init"] == str(bundle)
    moved = bundle.rename(tmp_path / "moved")
    again = config(root, tmp_path / "second", *still, f"init={moved}", "seed=7")
    assert train(again).state == FINISHED_BEFORE
    bundle = moved
    with pytest.raises(UserError, match=r"has model.width=1, this training 2") as caught:
        train(config(root, tmp_path / "third", *A, f"init={bundle}", "model.width=2"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "third" / "run" / "fold_0" / "config.yaml").exists()


def test_cycles_and_the_best_epoch_exclude_each_other(config: Config, root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"swa.cycles=1"):
        train(config(root, tmp_path, *B, "swa.cycles=1"))


def test_the_filtered_experiment_asks_for_its_list(config: Config, root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"needs data\.exclude=FILE"):
        train(config(root, tmp_path, "experiment=pipeline_a_filtered"))


@pytest.mark.slow
def test_few_cases_go_on_with_their_average_also_where_only_the_bundle_is_missing(
    config: Config, root: Path, tmp_path: Path
) -> None:
    few = ["experiment=few_cases", "schedule.constant_epochs=0", "schedule.cosine_epochs=3"]
    whole = train(config(root, tmp_path / "whole", *few)).folder.path
    cfg = config(root, tmp_path / "cut", *few)
    cut(cfg, SegmentationModule, "training_step", in_epoch(1))
    cut(cfg, TwoCheckpoints, "on_train_epoch_end", before_checkpoint(2))
    cut(cfg, final_bundle, "save_bundle", lambda *_: True)
    assert outcome(train(cfg).folder.path) == outcome(whole)


@pytest.mark.slow
def test_a_fine_tuning_that_was_cut_off_freezes_and_slows_the_same_weights(
    config: Config, root: Path, tmp_path: Path
) -> None:
    bundle = train(config(root, tmp_path / "first", *B, "schedule.cosine_epochs=1")).folder.bundle
    careful = [*B, f"init={bundle}", "fine_tune.frozen_epochs=2", "fine_tune.old_rate=0.1"]
    whole = train(config(root, tmp_path / "whole", *careful)).folder.path
    cfg = config(root, tmp_path / "cut", *careful)
    cut(cfg, SegmentationModule, "training_step", in_epoch(1))
    shutil.move(bundle, tmp_path / "elsewhere")
    cut(cfg, SegmentationModule, "training_step", in_epoch(3))
    assert outcome(train(cfg).folder.path) == outcome(whole)
