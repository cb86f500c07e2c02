"""Which cases train and which validate: from the case ids and the seed alone."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from brats_seg.errors import UserError, WrongValue
from brats_seg.files import write_json
from brats_seg.seeds import seed_for

TIMEPOINT = re.compile(r"^(BraTS-[A-Za-z]+-\d+)-\d+$")
"""BraTS 2023 and later number the visits of a patient."""

SCAN = re.compile(r"^((?:Brats1[78]|BraTS19)_.+)_\d+$")
"""So do 2017 to 2019, where nearly every patient has the number 1 alone; BraTS 2020 has one case per patient."""


@dataclass(frozen=True)
class Split:
    """Case ids, each list sorted; they share none."""

    train: tuple[str, ...]
    validation: tuple[str, ...]


def patient(case_id: str) -> str:
    """The patient whom a case shows."""
    if match := TIMEPOINT.match(case_id):
        return match[1]
    match = SCAN.match(case_id)
    return (
        f"{match[1]}_1" if match else case_id
    )  # the first scan's id: a split where each has one scan stays as it was


def make_folds(
    case_ids: Iterable[str], *, folds: int, seed: int, before: Sequence[Sequence[str]] = ()
) -> list[list[str]]:
    """Partition the cases into folds of nearly equal numbers of patients, visits of one patient together.

    Args:
        case_ids: In any order.
        folds: How many.
        seed: Of the order of the patients.
        before: Folds whose patients stay where they are; new ones go where there are fewest.

    Raises:
        UserError: There are fewer patients than folds.
    """
    ids = sorted(set(case_ids))
    patients = sorted({patient(i) for i in ids}, key=lambda p: (seed_for(seed, "folds", p), p))
    if len(patients) < folds:
        raise UserError(
            f"data.folds={folds} needs at least {folds} patients, found {len(patients)}; use fold=all or fewer folds"
        )
    place = {patient(i): k for k, fold in enumerate(before) for i in fold if patient(i) in patients}
    for p in patients:
        sizes = Counter(place.values())
        place.setdefault(p, min(range(folds), key=lambda k: sizes[k]))
    return [[i for i in ids if place[patient(i)] == k] for k in range(folds)]


def frozen_folds(
    path: Path, case_ids: Sequence[str], *, folds: int, seed: int, changed: str = "refuse"
) -> list[list[str]]:
    """The folds written at ``path``, or new ones written there.

    Args:
        path: Of ``folds.json``.
        case_ids: That there are now.
        folds: How many.
        seed: Of the split.
        changed: What to do where the file was made from other cases: ``refuse``, ``extend`` (known patients stay where they
            are) or ``resplit`` (the file is kept as ``folds.before.json``).

    Raises:
        UserError: The file was made from other cases, another number of folds or another seed, and is to stay.
    """
    if changed not in ("refuse", "extend", "resplit"):
        raise WrongValue(f"data.changed={changed}: use refuse, extend or resplit")
    wanted: dict[str, Any] = {
        "schema": 1,
        "seed": seed,
        "folds": make_folds(case_ids, folds=folds, seed=seed),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        held = _read(path) if path.exists() else None
        if held is None or (changed == "resplit" and held != wanted):
            if held is not None:
                os.replace(path, path.with_name("folds.before.json"))
            held = wanted
            write_json(path, held)
        elif (held.get("seed"), len(held.get("folds", []))) == (seed, folds) and (
            changed == "extend" or held.get("extended")
        ):
            kept = make_folds(case_ids, folds=folds, seed=seed, before=held["folds"])
            if kept != held["folds"] and changed == "extend":
                held = {**wanted, "folds": kept, "extended": True}
                write_json(path, held)
            wanted = {**held, "folds": kept}
    if held != wanted:
        raise UserError(_difference(path, held, case_ids, seed, folds))
    made: list[list[str]] = held["folds"]
    return made


def _difference(path: Path, held: Any, case_ids: Iterable[str], seed: int, folds: int) -> str:
    before, now = {i for fold in held.get("folds", []) for i in fold}, set(case_ids)
    then = f"seed {held.get('seed')} and {len(held.get('folds', []))} folds then, {seed} and {folds} now"
    change = f"{len(now - before)} cases new, {len(before - now)} gone; {then}"
    mend = "restore them, or data.changed=extend (known patients stay in their folds) or resplit"
    return f"{path} was made from other data ({change}): {mend}"


def fold_split(folds: Sequence[Sequence[str]], fold: int | str) -> Split:
    """Training and validation cases of one fold.

    Raises:
        UserError: There is no such fold.
    """
    if not isinstance(fold, int) or not 0 <= fold < len(folds):
        raise WrongValue(f"fold={fold} does not exist: use 0 to {len(folds) - 1}, or all")
    if len(folds) == 1:
        raise WrongValue("data.folds=1 leaves nothing to train on: use more folds, or fold=all")
    return Split(
        tuple(sorted(i for k, f in enumerate(folds) if k != fold for i in f)), tuple(sorted(folds[fold]))
    )


def read_split(path: Path, case_ids: Iterable[str]) -> Split:
    """A split written by hand: ``{"train": [...], "validation": [...]}``.

    Raises:
        UserError: The file is no such split, names unknown cases, or a case or a patient on both sides.
    """
    raw = _read(path)
    if set(raw) != {"train", "validation"} or not all(isinstance(v, list) for v in raw.values()):
        raise UserError(f'{path}: expected {{"train": [...], "validation": [...]}}, found keys {sorted(raw)}')
    train, validation = set(raw["train"]), set(raw["validation"])
    if unknown := (train | validation) - set(case_ids):
        raise UserError(f"{path}: data.root has no case {', '.join(sorted(unknown))}")
    if both := train & validation:
        raise UserError(f"{path}: {', '.join(sorted(both))} in train and validation; keep each on one side")
    if both := set(map(patient, train)) & set(map(patient, validation)):
        raise UserError(
            f"{path}: visits of {', '.join(sorted(both))} in train and validation; keep each patient on one side"
        )
    if not train:
        raise UserError(f"{path}: no case to train on")
    return Split(tuple(sorted(train)), tuple(sorted(validation)))


def read_exclusions(path: Path) -> frozenset[str]:
    """Case ids to leave out of training: a JSON list, or an object with that list under ``exclude``.

    Raises:
        UserError: The file is neither.
    """
    raw = _read(path)
    ids = raw.get("exclude") if isinstance(raw, dict) else raw
    if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
        raise UserError(f'{path}: expected a list of case ids, or {{"exclude": [...]}}')
    return frozenset(ids)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path}: expected JSON ({error})") from error
