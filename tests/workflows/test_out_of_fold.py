"""Training, then prediction and scores of the cases that validate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from omegaconf import DictConfig

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.errors import UserError
from brats_seg.training.run import FINISHED, FINISHED_BEFORE, RESUMED
from brats_seg.workflows import out_of_fold, train_and_predict

Config = Callable[..., DictConfig]


@pytest.fixture(scope="module")
def config(config: Config) -> Config:
    def compose(root: Path, runs: Path, *overrides: str) -> DictConfig:
        return config(
            root, runs, "schedule.constant_epochs=0", "schedule.cosine_epochs=1", "name=run", *overrides
        )

    return compose


def test_the_cases_that_validate_are_predicted_and_scored_once(
    config: Config, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train_and_predict(config(root, tmp_path, "fold=1"))
    folder = first.folder
    assert first.state == FINISHED
    assert first.dice is not None
    (held_out,) = yaml.safe_load((folder / "config.yaml").read_text())["split"]["validation"]
    assert [path.name for path in (folder / "predictions").glob("*.nii.gz")] == [f"{held_out}.nii.gz"]
    rows = RunFolder(folder).evaluation.read_rows()
    assert {row.case for row in rows} == {held_out}
    assert {"dice", "hd95"} <= {row.metric for row in rows}
    record = json.loads((folder / "out_of_fold.json").read_text())
    assert (record["cases"], record["tta"]) == ([held_out], "none")

    monkeypatch.setattr(out_of_fold, "predict", lambda *_, **__: pytest.fail("predicted again"))
    again = train_and_predict(config(root, tmp_path, "fold=1"))
    assert (again.folder, again.state, again.dice) == (folder, FINISHED_BEFORE, first.dice)


def test_interrupted_predictions_are_made_good_by_the_same_command(
    config: Config, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> list[str]:
        return ["case x: no"]

    monkeypatch.setattr(out_of_fold, "predict", refuses)
    with pytest.raises(UserError, match="case x: no"):
        train_and_predict(config(root, tmp_path))
    assert not (tmp_path / "run" / "fold_0" / "out_of_fold.json").exists()
    monkeypatch.undo()
    assert [train_and_predict(config(root, tmp_path)).state for _ in range(2)] == [RESUMED, FINISHED_BEFORE]
    folder = tmp_path / "run" / "fold_0"
    assert (folder / "evaluation" / "summary.md").is_file()


def test_other_views_replace_the_predictions(config: Config, root: Path, tmp_path: Path) -> None:
    folder = train_and_predict(config(root, tmp_path)).folder
    assert train_and_predict(config(root, tmp_path, "out_of_fold.tta=flips8")).folder == folder
    (case,) = json.loads((folder / "out_of_fold.json").read_text())["cases"]
    assert json.loads((folder / "predictions" / f"{case}.json").read_text())["settings"]["tta"] == "flips8"


def test_off_or_without_validation_there_is_nothing(config: Config, root: Path, tmp_path: Path) -> None:
    off = train_and_predict(config(root, tmp_path, "out_of_fold.predict=false")).folder
    everything = train_and_predict(config(root, tmp_path, "fold=all")).folder
    assert not (off / "predictions").exists()
    assert not (everything / "predictions").exists()


def test_unknown_views_are_refused_before_the_training(config: Config, root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tta=nine"):
        train_and_predict(config(root, tmp_path, "out_of_fold.tta=nine"))
    assert not (tmp_path / "run").exists()
