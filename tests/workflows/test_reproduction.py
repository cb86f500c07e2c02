"""The list of commands, what is skipped and what is refused; and once the whole of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from brats_seg.artifacts import EvaluationFolder
from brats_seg.errors import UserError
from brats_seg.workflows.paper_steps import EXPERIMENTS, number_of_folds
from brats_seg.workflows.reproduction import Reproduction, reproduce, show_plan
from brats_seg.workflows.steps import override

SYNTHETIC = {"cases": 5, "test_cases": 2, "shape": [32, 40, 32], "seed": 0, "overrides": ["scale.width=2"]}
SMOKE = Reproduction(
    scale="smoke", root=None, input=None, cache=None, tta="none", overrides=[], synthetic=SYNTHETIC
)
COMMANDS = [
    "phantom",
    "phantom",
    "train",
    "flag-cases",
    "train",
    "train",
    "train",
    "cv-summary",
    "predict",
    "evaluate",
]


class Fake:
    """Leaves behind what each command would, and keeps count."""

    def __init__(self, stops_at: str = "") -> None:
        self.lines: list[Sequence[str]] = []
        self.stops_at = stops_at

    def __call__(self, line: Sequence[str]) -> None:
        if line[0] == self.stops_at:
            raise UserError(f"{line[0]} stopped")
        self.lines.append(line)
        given = {key: value for key, _, value in (item.partition("=") for item in line[1:])}
        getattr(self, line[0].replace("-", "_"))(given)

    def phantom(self, given: dict[str, str]) -> None:
        for number in range(int(given["first"]), int(given["first"]) + int(given["cases"])):
            touch(Path(given["output"]) / f"case{number}" / f"case{number}_seg.nii.gz")

    def train(self, given: dict[str, str]) -> None:
        for fold in given["fold"].split(","):
            folder = Path(given["runs_root"]) / given["name"] / f"fold_{fold}"
            touch(folder / "bundle" / "bundle.json")
            touch(folder / "out_of_fold.json")
            touch(folder / "status.json", json.dumps({"state": "finished"}))

    def flag_cases(self, given: dict[str, str]) -> None:
        touch(Path(given["output"]))

    def cv_summary(self, given: dict[str, str]) -> None:
        touch(Path(given["output"]) / "ensemble.yaml")
        touch(Path(given["output"]) / "summary.md", "# Cross-validation\n\n## Mean\n\n![x](boxplot.png)\n")

    def predict(self, given: dict[str, str]) -> None:
        for case in Path(given["input"]).iterdir():
            touch(Path(given["output"]) / f"{case.name}.json")
            touch(Path(given["output"]) / f"{case.name}.nii.gz")

    def evaluate(self, given: dict[str, str]) -> None:
        folder = EvaluationFolder(Path(given["output"]))
        folder.path.mkdir(parents=True, exist_ok=True)
        with folder.written("brats2020"):
            touch(folder.summary_md, "| Table 3 |\n")

    @property
    def commands(self) -> list[str]:
        return [line[0] for line in self.lines]


def touch(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_every_step_once_in_the_order_of_the_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Fake()
    report = reproduce(tmp_path, SMOKE, run)
    assert run.commands == COMMANDS
    trained = [line for line in run.lines if line[0] == "train"]
    assert [next(i for i in line if i.startswith("experiment=")) for line in trained] == [
        f"experiment={e}" for e in EXPERIMENTS
    ]
    assert all({"--multirun", "fold=0,1,2,3,4", "scale.width=2"} <= set(line) for line in trained)
    assert f"data.exclude={tmp_path}/flagged.json" in trained[1]
    said = report.read_text()
    assert "### Mean" in said
    assert "](cross_validation/boxplot.png)" in said
    assert "| Table 3 |" in said
    assert "brats-seg flag-cases" in said
    assert "brats-seg evaluate" in capsys.readouterr().out


def test_the_same_again_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reproduce(tmp_path, SMOKE, Fake())
    again = Fake()
    reproduce(tmp_path, replace(SMOKE, overrides=["hydra/launcher=joblib", "trainer.devices=2"]), again)
    assert again.commands == []
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize("stops_at", ["flag-cases", "cv-summary", "predict"])
def test_it_goes_on_where_it_stopped(tmp_path: Path, stops_at: str) -> None:
    with pytest.raises(UserError):
        reproduce(tmp_path, SMOKE, Fake(stops_at))
    assert not (tmp_path / "reproduction.md").exists()
    rest = Fake()
    reproduce(tmp_path, SMOKE, rest)
    assert rest.commands == COMMANDS[COMMANDS.index(stops_at) :]


def test_a_fold_that_is_not_predicted_is_not_done(tmp_path: Path) -> None:
    reproduce(tmp_path, SMOKE, Fake())
    (tmp_path / "runs" / "pipeline_b" / "fold_3" / "out_of_fold.json").unlink()
    rest = Fake()
    reproduce(tmp_path, SMOKE, rest)
    assert rest.commands == ["train", "cv-summary", "predict", "evaluate"]


@pytest.mark.parametrize(
    "override", ["seed=1", "data.split=x", "data.exclude=x", "out_of_fold.tta=flips8", "compiler=1"]
)
def test_another_reproduction_in_the_same_folder_is_refused(tmp_path: Path, override: str) -> None:
    reproduce(tmp_path, SMOKE, Fake())
    with pytest.raises(UserError, match="holds a reproduction with overrides="):
        reproduce(tmp_path, replace(SMOKE, overrides=[override]), Fake())


def test_another_cohort_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    reproduce(tmp_path, SMOKE, Fake())
    with pytest.raises(UserError, match="holds a reproduction with synthetic="):
        reproduce(tmp_path, replace(SMOKE, synthetic={**SYNTHETIC, "seed": 1}), Fake())


def test_a_reviewed_list_is_kept(tmp_path: Path) -> None:
    reproduce(tmp_path, SMOKE, Fake())
    touch(tmp_path / "flagged.json", "reviewed")
    (tmp_path / "runs" / "pipeline_a" / "fold_0" / "out_of_fold.json").unlink()
    rest = Fake()
    reproduce(tmp_path, SMOKE, rest)
    assert rest.commands == ["train"] * 4 + ["cv-summary", "predict", "evaluate"]
    assert (tmp_path / "flagged.json").read_text() == "reviewed"


def test_the_plan_is_shown_and_nothing_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(tmp_path / "out", SMOKE)
    said = capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert "3/10 A, plain: to do, 5 trainings of 5; its time is known once one has ended" in said
    assert said.count("brats-seg ") == len(COMMANDS)
    assert "done before" not in said
    with pytest.raises(UserError):
        reproduce(tmp_path / "out", SMOKE, Fake("flag-cases"))
    plain = tmp_path / "out" / "runs" / "pipeline_a"
    for fold, seconds in enumerate((90, 100, 110, 100, 100)):
        touch(
            plain / f"fold_{fold}" / "status.json",
            json.dumps({"state": "finished", "seconds_this_start": seconds}),
        )
    (plain / "fold_4" / "out_of_fold.json").unlink()
    show_plan(tmp_path / "out", SMOKE)
    said = capsys.readouterr().out
    assert "1/10 synthetic cases to train on: done before" in said
    assert "3/10 A, plain: to do, 1 training of 5, about 0:01:40 one after the other" in said
    assert "7/10 B: to do, 5 trainings of 5, about 0:08:20 one after the other" in said


def test_trainings_find_the_users_own_files(tmp_path: Path) -> None:
    run = Fake()
    reproduce(tmp_path, replace(SMOKE, own_files=["--config-dir", "mine"]), run)
    for line in run.lines:
        assert ("--config-dir" in line) == (line[0] == "train")


@pytest.mark.parametrize("override", ["data.folds=3", "++data.folds=3"])
def test_as_many_folds_as_the_overrides_say(override: str) -> None:
    assert number_of_folds(["seed=1", override]) == 3


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.root=DIR is needed"):
        reproduce(tmp_path, replace(SMOKE, scale="paper"), Fake())
    with pytest.raises(UserError, match="input=DIR is needed"):
        reproduce(tmp_path, replace(SMOKE, root=tmp_path / "data"), Fake())


def test_paths_are_quoted_where_hydra_wants_it() -> None:
    assert override("input", Path("/data/BraTS2020")) == "input=/data/BraTS2020"
    assert override("input", Path("/data/a=b, c")) == 'input="/data/a=b, c"'


@pytest.mark.slow
def test_the_whole_paper_at_smoke_scale(tmp_path: Path) -> None:
    """Twenty trainings of a few steps, in the process of the command; then again, which looks at files."""
    program = str(Path(sys.executable).with_name("brats-seg"))
    sizes = [
        "scale.width=4",
        "scale.a.cosine_epochs=1",
        "scale.b.cosine_epochs=2",
        "scale.a.constant_epochs=1",
        "synthetic.shape=[40,48,40]",
    ]
    line = [program, "reproduce", "scale=smoke", f"output={tmp_path / 'out'}", "tta=none", *sizes]
    first = subprocess.run(line, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stdout[-3000:] + first.stderr[-3000:]
    said = (tmp_path / "out" / "reproduction.md").read_text()
    for name in EXPERIMENTS:
        assert re.search(rf"\| {name} \| [^|]*\| 5 \| 10 \| 0\.\d{{4}} \(0\.\d{{3}}\) \|", said)
    assert "paper, + attention" in said
    assert "paper, validation" in said
    ensemble = yaml.safe_load((tmp_path / "out" / "cross_validation" / "ensemble.yaml").read_text())
    assert {pipeline: len(ensemble[pipeline]) for pipeline in "ab"} == {"a": 10, "b": 5}
    began = time.perf_counter()
    again = subprocess.run(line, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stdout
    assert time.perf_counter() - began < 10


def test_settings_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "reproduce.json").write_text("[]")
    with pytest.raises(UserError, match="the settings of a reproduction, found something else"):
        reproduce(tmp_path, SMOKE, Fake())
