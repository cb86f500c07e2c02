"""What a training's bundle says of the cases that it was not trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from omegaconf import DictConfig

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.errors import UserError
from brats_seg.phantom import write_cohort
from brats_seg.training.config import load_config
from brats_seg.workflows import out_of_fold
from brats_seg.workflows.out_of_fold import train_fold
from brats_seg.workflows.sweep import BEFORE, RESUMED, train_job


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("out_of_fold")
    write_cohort(root / "cohort", cases=5, seed=0, shape=(32, 40, 32))
    return root


def config(root: Path, out: Path, *overrides: str) -> DictConfig:
    small = [
        "model.width=2",
        "data.patch=[16,16,16]",
        "schedule.constant_epochs=0",
        "schedule.cosine_epochs=1",
        "data.workers=0",
    ]
    places = [
        f"data.root={root / 'cohort'}",
        f"data.cache={root / 'cache'}",
        f"runs_root={out}",
        "trainer.accelerator=cpu",
    ]
    return load_config(["scale=smoke", *small, *places, "name=run", *overrides])


def test_the_cases_that_validate_are_predicted_and_scored_once(root, tmp_path, monkeypatch, capsys):
    folder = train_fold(config(root, tmp_path, "fold=1"))
    (held_out,) = yaml.safe_load((folder / "config.yaml").read_text())["split"]["validation"]
    assert [path.name for path in (folder / "predictions").glob("*.nii.gz")] == [f"{held_out}.nii.gz"]
    rows = RunFolder(folder).evaluation.read_rows()
    assert {row.case for row in rows} == {held_out}
    assert {"dice", "hd95"} <= {row.metric for row in rows}
    record = json.loads((folder / "out_of_fold.json").read_text())
    assert (record["cases"], record["tta"]) == ([held_out], "none")

    monkeypatch.setattr(out_of_fold, "predict", lambda *_, **__: pytest.fail("predicted again"))
    assert train_fold(config(root, tmp_path, "fold=1")) == folder


def test_interrupted_predictions_are_made_good_by_the_same_command(root, tmp_path, monkeypatch):
    def refuses(*_: object, **__: object) -> list[str]:
        return ["case x: no"]

    monkeypatch.setattr(out_of_fold, "predict", refuses)
    with pytest.raises(UserError, match="case x: no"):
        train_fold(config(root, tmp_path))
    assert not (tmp_path / "run" / "fold_0" / "out_of_fold.json").exists()
    monkeypatch.undo()
    assert [train_job(config(root, tmp_path)).state for _ in range(2)] == [RESUMED, BEFORE]
    folder = tmp_path / "run" / "fold_0"
    assert (folder / "evaluation" / "summary.md").is_file()


def test_other_views_replace_the_predictions(root, tmp_path):
    folder = train_fold(config(root, tmp_path))
    assert train_fold(config(root, tmp_path, "out_of_fold.tta=flips8")) == folder
    (case,) = json.loads((folder / "out_of_fold.json").read_text())["cases"]
    assert json.loads((folder / "predictions" / f"{case}.json").read_text())["settings"]["tta"] == "flips8"


def test_off_or_without_validation_there_is_nothing(root, tmp_path):
    off = train_fold(config(root, tmp_path, "out_of_fold.predict=false"))
    everything = train_fold(config(root, tmp_path, "fold=all"))
    assert not (off / "predictions").exists()
    assert not (everything / "predictions").exists()


def test_unknown_views_are_refused_before_the_training(root, tmp_path):
    with pytest.raises(UserError, match="tta=nine"):
        train_fold(config(root, tmp_path, "out_of_fold.tta=nine"))
    assert not (tmp_path / "run").exists()
