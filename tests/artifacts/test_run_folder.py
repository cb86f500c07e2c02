"""A run folder belongs to one training and one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brats_seg.artifacts.run_folder import RunFolder, run_name
from brats_seg.errors import UserError

CONFIG: dict[str, Any] = {
    "model": {"width": 8},
    "data": {"root": "/a", "workers": 1},
    "trainer": {"devices": 1},
    "seed": 1,
}
SPLIT = {"train": ["a", "b"], "validation": ["c"]}


def test_same_science_elsewhere_may_continue(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.claim(CONFIG, SPLIT)
    before = (tmp_path / "config.yaml").read_bytes()
    folder.claim({**CONFIG, "data": {"root": "/moved", "workers": 9}, "trainer": {"devices": 2}}, SPLIT)
    assert (tmp_path / "config.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("config", "split", "key"),
    [
        ({**CONFIG, "model": {"width": 16}}, SPLIT, "model.width=8"),
        ({**CONFIG, "seed": 2}, SPLIT, "seed=1"),
        (CONFIG, {**SPLIT, "train": ["a"]}, "split.train"),
    ],
)
def test_other_science_is_refused_in_one_line(
    tmp_path: Path, config: dict[str, Any], split: dict[str, list[str]], key: str
) -> None:
    folder = RunFolder(tmp_path)
    folder.claim(CONFIG, SPLIT)
    with pytest.raises(UserError, match=key) as caught:
        folder.claim(config, split)
    assert "\n" not in str(caught.value)


def test_the_bundle_it_started_from_is_compared_not_the_path_to_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.claim({**CONFIG, "init": "/a"}, SPLIT, "sha of one")
    folder.claim({**CONFIG, "init": "/moved"}, SPLIT, "sha of one")
    folder.claim({**CONFIG, "init": "/a"}, SPLIT)  # it is gone
    for init, sha in (("/a", "sha of another"), ("/gone too", None), (None, None)):
        with pytest.raises(UserError, match="holds a training with init="):
            folder.claim({**CONFIG, "init": init}, SPLIT, sha)


def test_a_lock_keeps_the_second_out(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path / "run").lock(),
        pytest.raises(UserError, match="in use"),
        RunFolder(tmp_path / "run").lock(),
    ):
        pass


def test_two_trainings_never_share_a_name() -> None:
    plain = run_name("pipeline_a", ["experiment=pipeline_a", "fold=2", "data.root=/x", "trainer.devices=4"])
    assert plain == "pipeline_a"
    names = [
        run_name("pipeline_a", ["fold=1", *o])
        for o in (["seed=1"], ["seed=2"], ["seed=1", "scale=small"], ["data.exclude=f"])
    ]
    assert len({plain, *names}) == 5
    assert run_name("pipeline_a", ["scale=small", "seed=1"]) == run_name(
        "pipeline_a", ["seed=1", "fold=3", "scale=small"]
    )
