"""Runs that `wandb agent` starts, and the run that sums a sweep up; offline."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.training.config import load_config
from brats_seg.training.run import FINISHED, train
from brats_seg.workflows.out_of_fold import Outcome
from brats_seg.workflows.sweep import show_outcomes
from brats_seg.workflows.sweep_summary import record_summary

Config = Callable[..., DictConfig]
SWEEP = Path(__file__).parents[3] / "docs" / "wandb-sweep.yaml"


def bounds(parameter: dict[str, Any]) -> list[Any]:
    return parameter.get("values") or [parameter[key] for key in ("value", "min", "max") if key in parameter]


@pytest.mark.parametrize("last", [False, True])
def test_the_sweep_file_makes_commands_that_compose(last: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    monkeypatch.setenv("DATA_ROOT", "/data/x")
    sweep = yaml.safe_load(SWEEP.read_text())
    chosen = {key: {"value": bounds(parameter)[-last]} for key, parameter in sweep["parameters"].items()}
    words: list[str] = []
    for word in create_sweep_command(sweep["command"]):
        macro = create_sweep_command_args({"args": chosen}).get(str(word).strip("${}"))
        words += macro if macro is not None else [word]
    assert shlex.join(words).startswith(
        "brats-seg train logger=wandb data.root=/data/x experiment=pipeline_a scale=small"
    )
    config = load_config(words[2:])
    assert config.scale.a.learning_rate == chosen["scale.a.learning_rate"]["value"]
    assert config.schedule.constant_epochs == chosen["schedule.constant_epochs"]["value"]
    assert (sweep["metric"]["name"], sweep["metric"]["goal"]) == ("val/dice", "maximize")


@pytest.mark.slow
def test_every_value_of_the_sweep_file_trains(config: Config, root: Path, tmp_path: Path) -> None:
    parameters = yaml.safe_load(SWEEP.read_text())["parameters"]
    chosen = [(key, value) for key, node in parameters.items() for value in bounds(node)]
    tried = [f"{key}={value}" for key, value in chosen if key not in ("experiment", "scale", "fold")]
    assert len(tried) == 6
    cheap = ["swa.cycles=0", "trainer.check_val_every_n_epoch=40"]
    for number, override in enumerate(tried):
        ended = train(config(root, tmp_path, *cheap, f"name=try{number}", override))
        assert ended.state == FINISHED, override


def wandb_config(runs: Path, name: str, *more: str) -> DictConfig:
    return load_config(["data.root=x", f"runs_root={runs}", f"name={name}", "logger=wandb", *more])


def score(each: DictConfig) -> None:
    """As the predictions of a fold would be scored."""
    folder = RunFolder.of(each).path / "evaluation"
    folder.mkdir(parents=True)
    lines = [f"{each.fold}-{n},{region},dice,0.{n}\n" for n in (5, 6) for region in ("ET", "WT", "TC")]
    (folder / "per_case.csv").write_text("".join(["case,region,metric,value\n", *lines]))


def test_a_summary_that_fails_is_one_line_after_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far, odd = wandb_config(tmp_path, "far", f"logger.wandb.group={'x' * 300}"), wandb_config(tmp_path, "odd")
    score(far)
    score(odd)
    (RunFolder.of(odd).path / "evaluation" / "per_case.csv").write_text("id,dice\nx,1\n")
    outcome = Outcome(tmp_path, FINISHED, 1.0, 0.5)
    show_outcomes([(far, outcome), (odd, outcome)])
    *_, counts, first, second = capsys.readouterr().out.splitlines()
    assert counts == "2 trainings: 2 finished"
    assert first.startswith(f"wandb: no summary of {'x' * 300}: ")
    assert second.startswith("wandb: no summary of odd: ") and "expected columns" in second


@pytest.mark.slow
def test_one_run_sums_each_group_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    places = [(name, fold) for name in ("one", "two") for fold in (0, 1)]
    configs = [
        wandb_config(tmp_path, name, f"fold={fold}", "logger.wandb.group=both") for name, fold in places
    ]
    record_summary([load_config(["data.root=x", f"runs_root={tmp_path}"])])  # not asked for
    assert list(tmp_path.iterdir()) == []
    for each in configs:
        score(each)
    record_summary(configs)
    said = capfd.readouterr()
    assert (said.out + said.err).lower().count("wandb sync") == 1
    (run,) = (tmp_path / ".sweeps" / "both" / "wandb").glob("offline-run-*")
    media = [path.name for path in (run / "files" / "media").rglob("*.*")]
    assert sum(name.endswith(".table.json") for name in media) == 2
    assert sum(name.endswith(".png") for name in media) == 1
    record = next(run.glob("run-*.wandb")).read_bytes()
    assert b"summary" in record and b"one/dice_ET" in record
    record_summary(configs)  # the same again: it has been recorded
    assert len(list((tmp_path / ".sweeps" / "both" / "wandb").glob("offline-run-*"))) == 1
    record_summary([wandb_config(tmp_path, name, f"fold={fold}") for name, fold in places])
    assert {path.name for path in (tmp_path / ".sweeps").iterdir()} == {"both", "one", "two"}
