"""Runs that `wandb agent` starts, and the run that sums a sweep up; offline."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig

from brats_seg.training.config import load_config
from brats_seg.training.weights_and_biases import _run_id
from brats_seg.workflows.sweep_summary import record_summary

SWEEP = Path(__file__).parents[2] / "docs" / "wandb-sweep.yaml"
SCORES = "case,region,metric,value\n" + "".join(
    f"{c},{r},dice,0.{n}\n" for n, c in enumerate("pq", 5) for r in ("ET", "WT", "TC")
)


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
    assert shlex.join(words).startswith("brats-seg train logger=wandb data.root=/data/x experiment=pipeline_a scale=small")
    config = load_config(words[2:])
    assert config.scale.learning_rate.a == chosen["scale.learning_rate.a"]["value"]
    assert config.schedule.constant_epochs == chosen["schedule.constant_epochs"]["value"]
    assert (sweep["metric"]["name"], sweep["metric"]["goal"]) == ("val/dice", "maximize")


def test_the_agent_names_the_run_and_a_continued_one_keeps_the_name(tmp_path: Path) -> None:
    path = tmp_path / "wandb_id.txt"
    assert _run_id(path, {"WANDB_SWEEP_ID": "s", "WANDB_RUN_ID": "given"}) == "given"
    assert _run_id(path, {}) == "given"
    assert _run_id(path, {"WANDB_RUN_ID": "of somebody else"}) == "given"


def config(runs: Path, name: str, *more: str) -> DictConfig:
    return load_config(["data.root=x", f"runs_root={runs}", f"name={name}", "logger=wandb", *more])


@pytest.mark.slow
def test_one_run_sums_a_sweep_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    configs = [config(tmp_path, name, f"fold={fold}") for name in ("one", "two") for fold in (0, 1)]
    record_summary([load_config(["data.root=x", f"runs_root={tmp_path}"])])  # not asked for
    assert list(tmp_path.iterdir()) == []
    for each in configs:
        folder = tmp_path / each.name / f"fold_{each.fold}" / "evaluation"
        folder.mkdir(parents=True)
        (folder / "per_case.csv").write_text(SCORES)
    record_summary(configs)
    said = capfd.readouterr()
    assert "wandb" not in (said.out + said.err).lower()
    (run,) = (tmp_path / ".sweeps" / "one+two" / "wandb").glob("offline-run-*")
    media = [path.name for path in (run / "files" / "media").rglob("*.*")]
    assert sum(name.endswith(".table.json") for name in media) == 2
    assert sum(name.endswith(".png") for name in media) == 1
    record = next(run.glob("run-*.wandb")).read_bytes()
    assert b"summary" in record and b"one/dice_ET" in record
