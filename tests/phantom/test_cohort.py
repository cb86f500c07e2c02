"""Phantoms are reproducible, anatomically ordered, labelled by the rules, and not solved by a threshold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brats_seg.cases import find_cases, inspect_case
from brats_seg.cli.main import run
from brats_seg.errors import UserError
from brats_seg.metrics.functional import dice
from brats_seg.phantom import make_case, write_cohort
from brats_seg.preprocessing import ZScore
from brats_seg.terms import MODALITIES

SHAPE = (48, 56, 48)


@pytest.fixture(scope="module")
def cases() -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    return [make_case(number, seed=0, shape=SHAPE) for number in range(1, 9)]


@pytest.mark.slow
def test_same_seed_same_bytes_whatever_the_workers(tmp_path: Path) -> None:
    write_cohort(tmp_path / "a", cases=3, seed=1, shape=SHAPE)
    write_cohort(tmp_path / "b", cases=2, seed=1, shape=SHAPE, workers=2, first=2)
    for path in sorted((tmp_path / "b").rglob("*.nii.gz")):
        assert path.read_bytes() == (tmp_path / "a" / path.relative_to(tmp_path / "b")).read_bytes()
    write_cohort(tmp_path / "c", cases=1, seed=2, shape=SHAPE)
    name = "BraTS20_Training_001/BraTS20_Training_001_t1.nii.gz"
    assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "c" / name).read_bytes()


def test_check_finds_nothing(tmp_path: Path) -> None:
    ids = write_cohort(tmp_path, cases=2, seed=3, shape=SHAPE)
    found = find_cases(tmp_path)
    assert [case.id for case in found] == ids
    assert [f for case in found for f in inspect_case(case) if f.level == "error"] == []


def test_one_in_eight_has_no_enhancing_tumour(cases: list[tuple[dict[str, np.ndarray], np.ndarray]]) -> None:
    assert [bool((label_map == 4).any()) for _, label_map in cases] == [True] * 7 + [False]
    assert all(set(np.unique(label_map)) <= {0, 1, 2, 4} and (label_map != 0).any() for _, label_map in cases)


def test_tumours_look_like_their_labels(cases: list[tuple[dict[str, np.ndarray], np.ndarray]]) -> None:
    for images, label_map in cases[:7]:
        brain = images["t1"] > 0
        healthy = brain & (label_map == 0)
        mean = {
            m: {v: images[m][label_map == v].mean() for v in (1, 2, 4) if (label_map == v).any()}
            for m in MODALITIES
        }
        assert mean["t1ce"][4] > 1.2 * images["t1ce"][healthy].mean()
        assert mean["flair"][2] > 1.2 * images["flair"][healthy].mean()
        if 1 in mean["t1ce"]:
            assert mean["t1ce"][1] < mean["t1ce"][4]
        assert not label_map[~brain].any()
        assert all(image.dtype == np.int16 and not image[~brain].any() for image in images.values())


def test_no_threshold_on_one_modality_solves_it(
    cases: list[tuple[dict[str, np.ndarray], np.ndarray]],
) -> None:
    stacked = [ZScore()(np.stack(list(images.values()))) for images, _ in cases]
    for channel in range(len(MODALITIES)):
        for sign in (1, -1):
            best = max(
                np.mean(
                    [
                        dice((sign * image[channel] > t) & (image[channel] != 0), label_map != 0)
                        for image, (_, label_map) in zip(stacked, cases, strict=True)
                    ]
                )
                for t in np.linspace(-2, 3, 21)
            )
            assert best < 0.75, (MODALITIES[channel], sign, best)


def test_impossible_sizes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least"):
        write_cohort(tmp_path, cases=1, seed=0, shape=(16, 56, 48))
    write_cohort(tmp_path, cases=1, seed=0, shape=SHAPE)
    with pytest.raises(UserError, match=r"holds a cohort of .*48.* choose another"):
        write_cohort(tmp_path, cases=1, seed=0, shape=(56, 56, 56))
    with pytest.raises(UserError, match=r"'seed': 0.*not .*'seed': 1"):
        write_cohort(tmp_path, cases=1, seed=1, shape=SHAPE)
    (tmp_path / "phantom.json").unlink()  # as cohorts before had none
    with pytest.raises(UserError, match="holds a case of shape"):
        write_cohort(tmp_path, cases=1, seed=0, shape=(56, 56, 56))


def test_the_command_says_how_many_were_there_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [f"output={tmp_path}", "shape=[32,32,32]", "workers=1"]
    run("phantom", [*line, "cases=1"])
    run("phantom", [*line, "cases=2"])
    assert [said.partition(" in ")[0] for said in capsys.readouterr().out.splitlines()] == [
        "1 case",
        "2 cases",
    ]
    run("phantom", [*line, "cases=2"])
    assert capsys.readouterr().out == f"2 cases in {tmp_path}, 2 of them from before\n"
