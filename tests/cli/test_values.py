"""Values of the wrong kind or length are refused before any work; those that a key takes are not."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import DictConfig

from brats_seg.cli.annotations import fits, parameters, words_for
from brats_seg.cli.command import command
from brats_seg.cli.unknown_keys import closest

pytestmark = pytest.mark.usefixtures("places_unchecked")
LINES = {
    "phantom": ["output=x"],
    "train": ["data.root=x"],
    "evaluate": ["predictions=p", "references=r", "output=o"],
    "predict": ["output=o"],
    "demo": [],
    "cv_summary": ["runs=[a,b]", "output=o"],
    "flag_cases": ["runs=r", "output=o"],
}
"""What each command needs."""


def run(name: str, *overrides: str) -> int | str | None:
    """Exit code; "ran" where the task was reached."""
    ran = []
    try:
        command(name)(lambda config: ran.append(config))([*LINES[name], *overrides])
    except SystemExit as stopped:
        assert not ran
        return stopped.code
    return "ran"


@pytest.mark.parametrize(
    ("name", "override", "expected"),
    [
        ("phantom", "shape=[40,48]", "a list of 3 whole numbers from 1, such as [155,240,240]"),
        ("phantom", "shape=foo", "a list of 3 whole numbers"),
        ("phantom", "shape=[40.5,48,40]", "a list of 3 whole numbers"),
        ("phantom", "cases=abc", "a whole number from 0"),
        ("phantom", "seed=1.5", "a whole number from 0"),
        ("phantom", "workers=-3", "a whole number from 0"),
        ("phantom", "first=0", "a whole number from 1"),
        ("phantom", "output=null", "text"),
        ("train", "seed=-1", "a whole number from 0"),
        ("train", "data.batch_size=0", "a whole number from 1"),
        ("train", "scale.a.batch_size=0", "a whole number from 1"),
        ("train", "scale.patch=[32,32]", "a list of 3 whole numbers from 1, such as [128,128,128]"),
        ("train", "model.norm=batch", "group or instance"),
        ("train", "optimizer.betas=0.9", "a list of 2 numbers"),
        ("train", "trainer.accumulate_grad_batches=0", "a whole number from 1"),
        ("train", "+trainer.limit_val_batches=x", "a number or null"),
        ("train", "fold=some", "all or a whole number from 0"),
        ("train", "logger=wandb logger.wandb.tags=x", "a list of texts, [FIRST,SECOND]"),
        ("train", "logger=wandb logger.wandb.tags=[{a:true}]", "a list of texts"),
        (
            "train",
            "logger=wandb logger.wandb.project=3",
            "text; if that is meant, 'logger.wandb.project=\"3\"'",
        ),
        ("train", "schedule.cosine_epochs=1.5", "a whole number from 0"),
        ("train", "data.augmentation.rescale_range=3", "a list of 2 numbers"),
        ("train", "optimizer.lr=abc", "a number from 0"),
        ("train", "model.width=foo", "a whole number from 1"),
        ("train", "swa.cycles=-1", "a whole number from 0"),
        ("train", "overlays.cases=x", "a whole number from 0"),
        ("train", "overlays=x", "its keys, overlays.every_epochs=..., overlays.cases=..."),
        ("train", "compile=2", "auto or true or false"),
        ("train", "data.split=[a]", "text"),
        ("train", "data.root=[a]", "text"),
        ("evaluate", "workers=x", "a whole number from 0"),
        ("demo", "folds=x", "a list of whole numbers"),
    ],
)
def test_wrong_values(name, override, expected, capsys):
    assert run(name, *override.split(" ")) == 2
    assert capsys.readouterr().err.startswith(
        f"brats-seg {name}: error: {override.split(' ')[-1].lstrip('+')}: expected {expected}"
    )


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        (
            "train",
            ["fold=all", "trainer.devices=[0]", "trainer.precision=32", "swa.cycles=0", "data.workers=0"],
        ),
        (
            "train",
            [
                "data.lower_percentile=0.5",
                "model.dropout=0",
                "optimizer.lr=1",
                "trainer.gradient_clip_val=0.5",
            ],
        ),
        (
            "train",
            [
                "experiment=pipeline_b",
                "data.augmentation.shift_range=[-0.2,0.2]",
                "+trainer.limit_val_batches=3",
                "~data.changed",
            ],
        ),
        (
            "train",
            ["logger=[wandb,tensorboard]", "logger.wandb.tags=[a,b]", "overlays={cases: 0}", "name=mine"],
        ),
        (
            "predict",
            [
                "bundles.a=one",
                "bundles.b=[one,two]",
                "postprocessing.enhancing_below_mm3=30.5",
                "devices=auto",
            ],
        ),
        ("evaluate", ["predictions=[a,b]", "workers=2"]),
        ("demo", ["folds=[0,1,2]"]),
        ("cv_summary", ["keep.a=null", "keep.b=3"]),
        ("flag_cases", ["deviations=2.5", "runs=[a,b]"]),
    ],
)
def test_values_that_a_key_takes(name, overrides):
    assert run(name, *overrides) == "ran"


def test_every_wrong_value_is_named(capsys):
    assert run("train", "seed=x", "data.patch=[32,32]", "scale=small") == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_each_job_of_a_multirun_has_its_own(capsys):
    seen: list[DictConfig] = []
    with pytest.raises(SystemExit) as stopped:
        command("train")(seen.append)(["-m", "data.root=x", "model.width=4,0"])
    assert (stopped.value.code, [config.model.width for config in seen]) == (2, [4])


def test_keys_that_nobody_reads_in_a_file_of_ones_own(tmp_path, capsys, monkeypatch):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text(
        """\
# @package _global_
defaults:
  - pipeline_a
my_rate: 1e-3
unread: 1
optimizer:
  lr: ${my_rate}
  lrr: 2
data:
  convention: brats2023
"""
    )
    monkeypatch.setitem(LINES, "train", ["--config-dir", str(tmp_path), *LINES["train"]])
    assert run("train", "experiment=own") == 2
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "brats-seg train: error: data.convention is now data.labels",
        "brats-seg train: error: unknown key optimizer.lrr: did you mean optimizer.lr?",
        "brats-seg train: error: unknown key unread: see --help for the keys there are",
    ]
    (tmp_path / "experiment" / "own.yaml").write_text("# @package _global_\ndefaults: [pipeline_a]\n")
    assert run("train", "experiment=own", "logger=wandb") == "ran"
    (tmp_path / "experiment" / "own.yaml").write_text("seed: 1\ndata: {root: ???}\n")
    assert run("train", "experiment=own") == 2
    assert "own.yaml, line 2: expected YAML, found a fault" in capsys.readouterr().err


def test_a_class_that_is_not_there_is_left_to_whoever_makes_it():
    own = "logger.wandb._target_=no.Tracker"
    assert run("train", "logger=wandb", own, "logger.wandb.project=x") == "ran"


def annotated_for_a_type_checker(value: "Nowhere", *, other: int) -> None:  # noqa: F821, UP037
    raise NotImplementedError


class Open:
    def __init__(self, value: int, **others: object) -> None:
        raise NotImplementedError


def test_kinds_that_cannot_be_found():
    assert parameters("builtins.max") == ({}, True)
    assert parameters(annotated_for_a_type_checker) == ({"value": Any, "other": Any}, False)
    assert parameters(Open) == ({"value": int}, True)


def test_a_list_of_anything():
    assert fits(list, [1, "x"])
    assert not fits(list, 1)
    assert words_for(list) == "a list"


@pytest.mark.parametrize(
    ("word", "meant"),
    [("root", "data.root"), ("model.widht", "model.width"), ("x.widht", "model.width"), ("x.y", None)],
)
def test_the_key_that_was_probably_meant(word, meant):
    assert closest(word, ["seed", "data.root", "model.width"]) == meant
