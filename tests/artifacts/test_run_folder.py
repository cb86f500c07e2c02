"""A run folder belongs to one training and one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brats_seg.artifacts.run_folder import RunFolder, folds_of
from brats_seg.artifacts.run_tables import rows_before
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


def test_a_folder_of_somebody_elses_files_is_not_begun_in(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("mine")
    with pytest.raises(UserError, match=r"holds metrics\.csv, and no configuration of a training: give"):
        RunFolder(tmp_path).claim({}, {})
    (tmp_path / "metrics.csv").unlink()
    (tmp_path / ".lock").touch()
    RunFolder(tmp_path).claim({}, {})
    RunFolder(tmp_path).claim({}, {})


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


def test_folds_are_found_by_their_number(tmp_path: Path) -> None:
    for name in ("fold_10", "fold_2", "fold_x", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "fold_3").write_text("no folder")
    found = folds_of(tmp_path)
    assert list(found) == [2, 10]
    assert found[2].path == tmp_path / "fold_2"
    assert folds_of(tmp_path / "nowhere") == {}


def test_tables_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.metrics.write_text("epoch,lr,val/dice\n0,0.1,\n1,0.05,0.5\n")
    assert folder.read_metrics()["lr"] == [(0, 0.1), (1, 0.05)]
    assert folder.read_metrics()["val/dice"] == [(1, 0.5)]
    folder.case_losses.write_text("epoch,case,loss\n0,x,0.5\n0,y,nan\n1,x,0.25\n")
    assert folder.read_case_losses()[1] == {"x": 0.25}
    assert list(folder.read_case_losses()[0]) == ["x", "y"]
    folder.case_losses.write_text("epoch,case,loss\n")
    with pytest.raises(UserError, match="no epoch has finished yet"):
        folder.read_case_losses()
    folder.metrics.unlink()
    with pytest.raises(UserError, match=r"expected a run folder with metrics\.csv, found none"):
        folder.read_metrics()


TABLES = [
    "abc",
    "epoch\nabc\n",
    "epoch,a\n0,1,2,3\n",
    "epoch\ninf\n",
    "x\n1\n",
    "epoch\n\x1b[31m\n",
    "epoch,a\n0," + "x" * 200_000,
]


@pytest.mark.parametrize("text", TABLES)
def test_a_table_that_is_none_stops_a_training_that_goes_on_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    if text == "abc":  # only a heading: no epoch
        assert rows_before(tmp_path / "metrics.csv", 1) == []
        return
    with pytest.raises(UserError) as caught:
        rows_before(tmp_path / "metrics.csv", 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1, 2]", "config: hello", "config: {}\nsplit: 3", "null"])
def test_a_configuration_of_another_form_is_one_line(tmp_path: Path, text: str) -> None:
    folder = RunFolder(tmp_path)
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(
        UserError, match=r"config\.yaml: expected the configuration and the split of a training"
    ):
        folder.claim({}, {"train": ["a"], "validation": []})
    assert folder.recorded("data.folds") is None


def test_a_fold_of_a_number_without_end_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "fold_99999999999").mkdir()
    with pytest.raises(UserError, match="a number of 11 digits"):
        folds_of(tmp_path)
