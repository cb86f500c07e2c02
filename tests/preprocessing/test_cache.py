"""The cache gives back what was prepared, notices damage and change, and lets two processes work at once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brats_seg.cases import Case, find_cases, read_case
from brats_seg.errors import UserError
from brats_seg.geometry import bounding_box
from brats_seg.phantom import write_cohort
from brats_seg.preprocessing import Cache, MinMax, ZScore, brain_mask, prepare
from brats_seg.preprocessing.cache import disk_estimate_bytes


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    root = tmp_path_factory.mktemp("cohort")
    write_cohort(root, cases=2, seed=0, shape=(32, 40, 32))
    return find_cases(root)


def test_holds_what_prepare_made(cases: list[Case], tmp_path: Path) -> None:
    ready = Cache(tmp_path, ZScore()).ensure(cases, workers=0)
    assert list(ready) == [case.id for case in cases]
    for case in cases:
        prepared = prepare(read_case(case), ZScore())
        assert ready[case.id].box == prepared.box and ready[case.id].shape == (32, 40, 32)
        np.testing.assert_array_equal(ready[case.id].image(), prepared.image.astype(np.float16))
        assert prepared.regions is not None
        np.testing.assert_array_equal(ready[case.id].regions(), prepared.regions)


def test_settings_have_their_own_folders(tmp_path: Path) -> None:
    folders = {Cache(tmp_path, n).folder for n in (ZScore(), MinMax(1, 99), MinMax(0.5, 99))}
    assert len(folders) == 3


def test_what_is_there_is_not_made_again(cases: list[Case], tmp_path: Path) -> None:
    cache = Cache(tmp_path, ZScore())
    stamps = [(c.folder / "image.npy").stat().st_mtime_ns for c in cache.ensure(cases, workers=0).values()]
    assert stamps == [
        (c.folder / "image.npy").stat().st_mtime_ns for c in cache.ensure(cases, workers=2).values()
    ]


@pytest.mark.parametrize("verify", [False, True])
def test_damage_is_repaired(cases: list[Case], tmp_path: Path, verify: bool) -> None:
    cache = Cache(tmp_path, ZScore())
    file = cache.ensure(cases[:1], workers=0)[cases[0].id].folder / "image.npy"
    good = file.read_bytes()
    file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]) if verify else good[:-7])
    cache.ensure(cases[:1], workers=0, verify=verify)
    assert file.read_bytes() == good


def test_a_changed_source_is_prepared_again(cases: list[Case], tmp_path: Path) -> None:
    cache = Cache(tmp_path, ZScore())
    cache.ensure(cases[:1], workers=0)
    path = cases[0].modalities["t1"].path
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert cache.lookup(cases[0]) is None


@pytest.mark.slow
def test_two_processes_at_once_and_nothing_half_written(cases: list[Case], tmp_path: Path) -> None:
    cache = Cache(tmp_path, ZScore())
    ready = cache.ensure([cases[0], cases[1], cases[0]], workers=2)
    assert set(ready) == {case.id for case in cases} and list(cache.folder.glob(".tmp*")) == []


def test_one_bad_case_does_not_stop_the_others(cases: list[Case], tmp_path: Path) -> None:
    bad = Case(
        "bad", {m: f for m, f in cases[0].modalities.items() if m != "t2"}, cases[0].segmentation, "brats2020"
    )
    cache = Cache(tmp_path, ZScore())
    with pytest.raises(UserError, match="case bad"):
        cache.ensure([bad, cases[1]], workers=0)
    assert cache.lookup(cases[1]) is not None


def test_the_box_holds_what_any_sequence_shows() -> None:
    image = np.zeros((4, 9, 9, 9), np.float32)
    for channel, place in zip(image, ((1, 4, 4), (4, 2, 4), (4, 4, 7), (6, 6, 3)), strict=True):
        channel[place] = 1
    box = bounding_box(brain_mask(image))
    assert box is not None
    assert (box.start, box.stop) == ((1, 2, 3), (7, 7, 8))


def test_the_disk_estimate_is_about_the_size_of_the_files(cases: list[Case], tmp_path: Path) -> None:
    ready = Cache(tmp_path, ZScore()).ensure(cases, workers=0)
    held = sum(file.stat().st_size for case in ready.values() for file in case.folder.iterdir())
    assert 0.6 * held <= disk_estimate_bytes(len(cases), (32, 40, 32)) <= 2 * held  # phantoms fill all of it
    # Half precision of four sequences and a byte, of 60 % of 369 volumes of BraTS.
    assert disk_estimate_bytes(369, (155, 240, 240)) == pytest.approx(17.8e9, rel=1e-2)


def test_a_resection_cavity_is_background_of_the_three_regions(cases: list[Case]) -> None:
    loaded = read_case(cases[0])
    before = prepare(loaded, ZScore()).regions
    assert loaded.label_map is not None and before is not None
    label_map = np.where(loaded.label_map == 4, np.uint8(3), loaded.label_map)
    label_map[~loaded.label_map.astype(bool) & (loaded.image != 0).any(0)] = 4
    of_2024 = replace(loaded, label_map=label_map, case=replace(loaded.case, labels="brats2024"))
    np.testing.assert_array_equal(prepare(of_2024, ZScore()).regions, before)


def test_another_orientation_makes_a_case_anew(cases: list[Case], tmp_path: Path) -> None:
    cache = Cache(tmp_path, ZScore())
    made = cache.ensure(cases[:1], workers=0)[cases[0].id].folder / "image.npy"
    before = made.stat().st_mtime_ns
    cache.ensure([replace(cases[0], orientation="LPS")], workers=0)
    assert made.stat().st_mtime_ns > before
