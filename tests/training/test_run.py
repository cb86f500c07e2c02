"""A whole small training through the configuration: bundle, metrics, resume, refusal."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.errors import UserError, WrongValue
from brats_seg.schedules import cosine_decay
from brats_seg.training import SegmentationModule, train
from brats_seg.training.run import FINISHED, FINISHED_BEFORE, RESUMED

Config = Callable[..., DictConfig]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_bundle(folder / "bundle").net().state_dict()


@pytest.mark.parametrize("experiment", ["pipeline_a", "pipeline_a_attention", "pipeline_b"])
def test_an_experiment_ends_with_a_bundle(
    config: Config, root: Path, tmp_path: Path, experiment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = config(root, tmp_path, f"experiment={experiment}", "trainer.check_val_every_n_epoch=1")
    trained = train(cfg)
    folder = trained.folder.path
    assert trained.state == FINISHED
    assert folder.parent.name.startswith(f"{experiment}-")
    assert folder.name == "fold_0"
    bundle = load_bundle(folder / "bundle")
    assert bundle.pipeline == cfg.pipeline
    assert bundle.architecture["attention"] == ("attention" in experiment)
    table = rows(folder)
    assert [int(r["epoch"]) for r in table] == [0, 1, 2]
    for row in table:
        expected = cosine_decay(int(row["epoch"]), cfg.schedule.base_rate, 1, 2)
        assert float(row["lr"]) == pytest.approx(expected, rel=1e-4)
        heads = [
            float(row[f"train/loss_{head}"]) for head in ("main", "deep_0", "deep_1", "deep_2", "deep_3")
        ]
        assert float(row["train/loss"]) == pytest.approx(sum(heads), rel=1e-4)
        assert 0 <= float(row["val/dice"]) <= 1
    if cfg.keep == "best":
        assert bundle.record["scores"]["val/loss"] == pytest.approx(
            min(float(r["val/loss"]) for r in table), rel=1e-4
        )
    assert json.loads((folder / "status.json").read_text())["state"] == "finished"
    capsys.readouterr()
    again = train(cfg)
    assert (again.folder, again.state) == (trained.folder, FINISHED_BEFORE)
    assert "nothing to do" in capsys.readouterr().out


def test_a_cut_off_training_continues_to_the_same_weights(
    config: Config, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = "data.patch=[24,24,24]"  # in bf16 where the machine has it
    whole = train(config(root, tmp_path / "whole", patch)).folder.path
    cut = config(root, tmp_path / "cut", patch)

    class Power(RuntimeError): ...

    finish = SegmentationModule.training_step

    def fails(self: SegmentationModule, batch: object, index: int) -> torch.Tensor:
        if self.current_epoch == 1 and index == 2:
            raise Power
        return finish(self, batch, index)  # type: ignore[arg-type]

    monkeypatch.setattr(SegmentationModule, "training_step", fails)
    with pytest.raises(Power):
        train(cut)
    monkeypatch.undo()
    trained = train(cut)
    assert trained.state == RESUMED
    resumed = trained.folder.path
    expected = weights(whole)
    assert all(value.equal(expected[name]) for name, value in weights(resumed).items())
    assert [r["train/loss"] for r in rows(resumed)] == [r["train/loss"] for r in rows(whole)]


def test_other_science_in_the_same_folder(config: Config, root: Path, tmp_path: Path) -> None:
    train(config(root, tmp_path, "name=mine"))
    with pytest.raises(UserError, match="seed=42"):
        train(config(root, tmp_path, "name=mine", "seed=7"))


def test_impossible_combinations_are_one_line(config: Config, root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="keep=best"):
        train(config(root, tmp_path, "experiment=pipeline_b", "fold=all"))
    with pytest.raises(UserError, match="max_epochs"):
        train(config(root, tmp_path, "trainer.max_epochs=3"))
    for devices in (
        "2",
        "auto",
        "-1",
        "[0,1]",
    ):  # Lightning would start processes that meet the lock of this one
        with pytest.raises(WrongValue, match=r"use trainer=ddp trainer\.devices="):
            train(config(root, tmp_path, f"trainer.devices={devices}"))
    with pytest.raises(UserError, match="multiples of 8"):
        train(config(root, tmp_path, "data.patch=[20,16,16]"))
    with pytest.raises(UserError, match="fold=9"):
        train(config(root, tmp_path, "fold=9"))


def test_exclusion_touches_training_only(config: Config, root: Path, tmp_path: Path) -> None:
    flagged = tmp_path / "flagged.json"
    trained = train(config(root, tmp_path / "plain"))
    assert trained.data.trainer is None, "it would hold the network and the optimiser"
    folder = trained.folder.path
    import yaml

    split = yaml.safe_load((folder / "config.yaml").read_text())["split"]
    flagged.write_text(json.dumps([*split["train"][:1], *split["validation"]]))
    other = train(config(root, tmp_path / "filtered", f"data.exclude={flagged}")).folder.path
    changed = yaml.safe_load((other / "config.yaml").read_text())["split"]
    assert changed == {"train": split["train"][1:], "validation": split["validation"]}
