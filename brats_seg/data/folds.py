"""Which cases train and which validate: from the case ids and the seed alone."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from brats_seg.data.patients import Patients, patient
from brats_seg.errors import FileError, UserError, WrongValue, printable
from brats_seg.files import locked, read_json, write_json
from brats_seg.seeds import seed_for

CHANGED = ("refuse", "extend", "resplit")
"""What to do if ``folds.json`` was made from other cases."""


@dataclass(frozen=True)
class Split:
    """Case ids of both sides, each sorted; no case is on both."""

    train: tuple[str, ...]
    validation: tuple[str, ...]


def make_folds(
    case_ids: Iterable[str],
    *,
    folds: int,
    seed: int,
    before: Sequence[Sequence[str]] = (),
    patients: Patients = MappingProxyType({}),
) -> list[list[str]]:
    """Partition the cases into folds of nearly equal numbers of patients, visits of one patient together.

    Args:
        case_ids: In any order.
        folds: How many.
        seed: Of the order of the patients.
        before: Folds whose patients stay where they are; each new patient goes into the smallest fold.
        patients: As for :func:`brats_seg.data.patients.patient`.

    Returns:
        Case ids of each fold, sorted.

    Raises:
        UserError: There are fewer patients than folds.
    """
    ids = sorted(set(case_ids))
    patient_of = {case_id: patient(case_id, patients) for case_id in ids}
    names = sorted(set(patient_of.values()), key=lambda p: (seed_for(seed, "folds", p), p))
    if len(names) < folds:
        raise UserError(
            f"data.folds={folds} needs at least {folds} patients, found {len(names)}; "
            "use fold=all or fewer folds"
        )
    fold_of: dict[str, int] = {}
    for number, fold in enumerate(before):
        for case_id in fold:
            fold_of[patient(case_id, patients)] = number
    sizes = Counter(fold_of[name] for name in names if name in fold_of)
    for name in names:
        if name not in fold_of:
            fold_of[name] = min(range(folds), key=sizes.__getitem__)
            sizes[fold_of[name]] += 1
    made: list[list[str]] = [[] for _ in range(folds)]
    for case_id in ids:
        made[fold_of[patient_of[case_id]]].append(case_id)
    return made


def frozen_folds(
    path: Path,
    case_ids: Sequence[str],
    *,
    folds: int,
    seed: int,
    changed: str = "refuse",
    patients: Patients = MappingProxyType({}),
) -> list[list[str]]:
    """The folds written at ``path``, or new ones written there.

    Args:
        path: Of ``folds.json``.
        case_ids: The cases that there are now.
        folds: How many.
        seed: Of the split.
        changed: What to do if the file was made from other cases: ``refuse``, ``extend`` (known patients stay
            where they are) or ``resplit`` (the file is kept as ``folds.before.json``).
        patients: As for :func:`brats_seg.data.patients.patient`.

    Returns:
        Case ids of each fold.

    Raises:
        UserError: The file was made from other cases, another number of folds or another seed, and stays.
    """
    if changed not in CHANGED:
        raise WrongValue(f"data.changed={changed}: use refuse, extend or resplit")
    make = partial(make_folds, case_ids, folds=folds, seed=seed, patients=patients)
    made = make()
    wanted: dict[str, Any] = {"schema": 1, "seed": seed, "folds": made}
    with nullcontext() if changed == "refuse" and path.exists() else _lock(path):
        if not path.exists():
            write_json(path, wanted)
            return made
        held = _read(path)
        if changed == "resplit":
            if held != wanted:
                os.replace(path, path.with_name("folds.before.json"))
                write_json(path, wanted)
            return made
        extends = changed == "extend" or held.get("extended")
        if extends and (held.get("seed"), len(held["folds"])) == (seed, folds):
            kept = make(before=held["folds"])
            if kept != held["folds"] and changed == "extend":
                held = {**wanted, "folds": kept, "extended": True}
                write_json(path, held)
            wanted = {**held, "folds": kept}
    if held != wanted:
        raise UserError(_difference(path, held, case_ids, seed, folds))
    return cast(list[list[str]], held["folds"])


def _read(path: Path) -> dict[str, Any]:
    """The folds that are there, of whatever cases."""
    held = read_json(path)
    folds = held.get("folds") if isinstance(held, dict) else None
    if not (isinstance(folds, list) and all(map(is_list_of_ids, folds))):
        raise FileError(path, '{"schema": 1, "seed": ..., "folds": [[...], ...]}', "something else")
    return cast(dict[str, Any], held)


def is_list_of_ids(value: Any) -> bool:
    """Whether a value from a file is a list of case ids."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _lock(path: Path) -> AbstractContextManager[None]:
    """Only who may write needs it: somebody's cache can be read where it cannot be written."""
    return locked(path.with_suffix(".lock"), remedy="choose another with data.cache=DIR")


def _difference(path: Path, held: Any, case_ids: Iterable[str], seed: int, folds: int) -> str:
    held_folds = held["folds"]
    before = set(chain.from_iterable(held_folds))
    now = set(case_ids)
    then = f"seed {printable(str(held.get('seed')))} and {len(held_folds)} folds then, {seed} and {folds} now"
    change = f"{len(now - before)} cases new, {len(before - now)} gone; {then}"
    fix = "restore them, or data.changed=extend (known patients stay in their folds) or resplit"
    return f"{path} was made from other data ({change}): {fix}"


def fold_split(folds: Sequence[Sequence[str]], fold: int | str) -> Split:
    """Training and validation cases of one fold.

    Args:
        folds: Case ids of each fold.
        fold: Which one validates, from 0.

    Returns:
        The split.

    Raises:
        UserError: There is no such fold, or no other one to train on.
    """
    if not isinstance(fold, int) or not 0 <= fold < len(folds):
        raise WrongValue(f"fold={fold} does not exist: use 0 to {len(folds) - 1}, or all")
    if len(folds) == 1:
        raise WrongValue("data.folds=1 leaves nothing to train on: use more folds, or fold=all")
    others = [*folds[:fold], *folds[fold + 1 :]]
    return Split(tuple(sorted(chain.from_iterable(others))), tuple(sorted(folds[fold])))
