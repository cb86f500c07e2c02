"""Names that say what differs; two trainings never share one, and old runs keep theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from brats_seg.artifacts.run_names import LONGEST, run_name, what_differs


def test_two_trainings_never_share_a_name() -> None:
    plain = run_name("pipeline_a", ["experiment=pipeline_a", "fold=2", "data.root=/x", "trainer.devices=4"])
    assert plain == "pipeline_a"
    others = (
        ["seed=1"],
        ["seed=2"],
        ["seed=1", "scale=small"],
        ["data.exclude=f"],
        ["data.exclude=a/b"],
        ["data.exclude=a,b"],
        ["+seed=1"],
        ["loss='x y'"],
    )
    names = [run_name("pipeline_a", ["fold=1", *overrides]) for overrides in others]
    assert len({plain, *names}) == 1 + len(others)
    assert all("/" not in name and " " not in name for name in names)
    assert run_name("pipeline_a", ["scale=small", "seed=1"]) == run_name(
        "pipeline_a", ["seed=1", "fold=3", "scale=small"]
    )


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["seed=1"], "a-seed=1"),
        (["seed=1", "fold=3", "optimizer.lr=0.05", "logger=wandb"], "a-optimizer.lr=0.05,seed=1"),
        (["scale=smoke", "scale.a.learning_rate=0.1"], "a-scale.a.learning_rate=0.1,scale=smoke"),
    ],
)
def test_short_overrides_are_read_in_the_name(overrides: list[str], name: str) -> None:
    assert run_name("a", overrides) == name


def test_others_have_the_hash_of_before() -> None:
    assert run_name("pipeline_a", ["data.patch=[24,24,24]"]) == "pipeline_a-6255d8a8"
    assert len(run_name("a", [f"seed={'1' * LONGEST}"])) == len("a-") + 8


def test_a_run_of_before_keeps_its_name(tmp_path: Path) -> None:
    by_hash = "pipeline_a-bb8c5544"
    assert run_name("pipeline_a", ["seed=1"], tmp_path) == "pipeline_a-seed=1"
    (tmp_path / by_hash).mkdir()
    assert run_name("pipeline_a", ["seed=1"], tmp_path) == by_hash
    (tmp_path / "pipeline_a-seed=1").mkdir()
    assert run_name("pipeline_a", ["seed=1"], tmp_path) == "pipeline_a-seed=1"


def test_what_differs_is_told_once() -> None:
    first = {"seed": 1, "data": {"seed": 1, "root": "/x", "fold": 0}, "model": {"width": 2}, "fold": 0}
    second = {"seed": 2, "data": {"seed": 2, "root": "/y", "fold": 1}, "model": {"width": 2}, "fold": 1}
    assert what_differs([first, second]) == ["seed=1", "seed=2"]
    assert what_differs([first, first]) == ["", ""]
    assert what_differs([first, {}, second]) == ["seed=1", "", "seed=2"]
    many = [{f"k{n}": value**n for n in range(1, 6)} for value in (2, 3)]
    assert what_differs(many) == ["", "k1=3 k2=9 k3=27 and 2 more"]
