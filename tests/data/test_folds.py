"""Folds partition the cases, and depend on nothing but ids and seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brats_seg.data.folds import fold_split, frozen_folds, make_folds
from brats_seg.data.patients import patient
from brats_seg.errors import UserError

IDS = [f"BraTS20_Training_{k:03d}" for k in range(1, 24)]


@given(
    st.sets(st.text("abc0123456789", min_size=1, max_size=6), min_size=5, max_size=60), st.integers(0, 2**31)
)
def test_folds_partition_the_cases(ids: set[str], seed: int) -> None:
    folds = make_folds(ids, folds=5, seed=seed)
    assert sorted(i for fold in folds for i in fold) == sorted(ids)
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


@given(st.permutations(IDS))
def test_order_of_files_does_not_matter(ids: list[str]) -> None:
    assert make_folds(ids, folds=5, seed=1) == make_folds(IDS, folds=5, seed=1)


def test_the_seed_matters_and_the_split_is_frozen_for_ever() -> None:
    assert make_folds(IDS, folds=5, seed=1) != make_folds(IDS, folds=5, seed=2)
    # A change here would silently mix training and validation cases of everybody's old runs.
    assert make_folds(IDS, folds=5, seed=42)[0] == FROZEN_FOLD_0


FROZEN_FOLD_0 = [f"BraTS20_Training_{k}" for k in ("003", "007", "008", "009", "017")]


def test_visits_of_a_patient_stay_together() -> None:
    visits: list[set[str]] = []
    for number in range(12):
        visits.append({f"BraTS-GLI-{number:05d}-{visit:03d}" for visit in range(3)})
        visits.append({f"BraTS19_TCIA{number}_466_{visit}" for visit in range(3)})
    folds = [set(fold) for fold in make_folds(set().union(*visits), folds=5, seed=0)]
    for of_one in visits:
        assert sum(of_one <= fold for fold in folds) == 1


def test_one_scan_of_a_patient_is_ordered_by_its_own_id() -> None:
    """Splits of BraTS 2017 to 2019 made before their scans were told apart stay as they were."""
    assert [patient(i) for i in ("Brats18_2013_0_1", "BraTS19_X_1", "BraTS19_X_2")] == [
        "Brats18_2013_0_1"
    ] + ["BraTS19_X_1"] * 2
    assert patient("BraTS20_Training_001") == "BraTS20_Training_001"


def test_every_fold_validates_once() -> None:
    folds = make_folds(IDS, folds=5, seed=3)
    splits = [fold_split(folds, k) for k in range(5)]
    assert sorted(i for s in splits for i in s.validation) == sorted(IDS)
    assert all(
        set(s.train) | set(s.validation) == set(IDS) and not set(s.train) & set(s.validation) for s in splits
    )
    with pytest.raises(UserError, match="fold=5"):
        fold_split(folds, 5)


def test_frozen_folds_are_read_back_and_other_data_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "folds.json"
    first = frozen_folds(path, IDS, folds=5, seed=0)
    assert frozen_folds(path, IDS[::-1], folds=5, seed=0) == first
    with pytest.raises(UserError, match="1 cases new"):
        frozen_folds(path, [*IDS, "one more"], folds=5, seed=0)
    with pytest.raises(UserError, match="seed 0 and 5 folds then, 1"):
        frozen_folds(path, IDS, folds=5, seed=1)


def test_changed_data_extend_the_folds_or_make_new_ones(tmp_path: Path) -> None:
    path, visits = (
        tmp_path / "folds.json",
        [f"BraTS-GLI-{p:05d}-{v:03d}" for p in range(11) for v in range(2)],
    )
    first = frozen_folds(path, visits, folds=5, seed=0)
    now = [
        *visits[1:],
        "BraTS-GLI-00003-002",
        "BraTS-GLI-00099-000",
    ]  # one gone, a known patient again, a new one
    held = path.read_bytes()
    with pytest.raises(UserError, match=r"2 cases new, 1 gone.*extend.*resplit"):
        frozen_folds(path, now, folds=5, seed=0)
    assert path.read_bytes() == held
    extended = frozen_folds(path, now[::-1], folds=5, seed=0, changed="extend")
    assert sorted(i for fold in extended for i in fold) == sorted(now)
    sides = {patient(i): k for k, fold in enumerate(first) for i in fold}
    for k, fold in enumerate(extended):
        assert {sides.get(patient(i), k) for i in fold} <= {k}
    counts = [len({patient(i) for i in fold}) for fold in extended]
    assert max(counts) - min(counts) <= 1
    assert frozen_folds(path, now, folds=5, seed=0) == extended  # and from now on without being asked
    with pytest.raises(UserError, match="0 cases new, 1 gone"):
        frozen_folds(path, now[1:], folds=5, seed=0)
    with pytest.raises(UserError, match="seed 0 and 5 folds then"):
        frozen_folds(path, now, folds=4, seed=0, changed="extend")
    assert frozen_folds(path, now, folds=5, seed=0, changed="resplit") == make_folds(now, folds=5, seed=0)
    assert json.loads((tmp_path / "folds.before.json").read_text())["folds"] == extended
    with pytest.raises(UserError, match="use refuse, extend or resplit"):
        frozen_folds(path, now, folds=5, seed=0, changed="keep")


def test_too_few_patients() -> None:
    with pytest.raises(UserError, match="at least 5"):
        make_folds(IDS[:4], folds=5, seed=0)


def test_one_fold_can_only_be_trained_as_a_whole() -> None:
    folds = make_folds(IDS, folds=1, seed=0)
    with pytest.raises(UserError, match=r"data\.folds=1 leaves nothing"):
        fold_split(folds, 0)


def test_the_users_patients_stay_together() -> None:
    patients = {f"{letter}{visit}": letter for letter in "abcde" for visit in range(3)}
    for fold in make_folds(patients, folds=5, seed=1, patients=patients):
        assert len({patients[case_id] for case_id in fold}) == 1


@pytest.mark.parametrize(
    "text", ["[]", "null", "5", '{"folds": 5}', '{"folds": [1, 2]}', '{"folds": [[1]]}', "{}"]
)
@pytest.mark.parametrize("changed", ["refuse", "extend", "resplit"])
def test_folds_of_another_form_are_one_line(tmp_path: Path, text: str, changed: str) -> None:
    path = tmp_path / "folds.json"
    path.write_text(text)
    with pytest.raises(UserError, match="found something else"):
        frozen_folds(path, IDS, folds=5, seed=1, changed=changed)
