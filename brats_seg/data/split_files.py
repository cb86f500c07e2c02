"""Splits and exclusions that a user wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import cast

from brats_seg.data.folds import Split, is_list_of_ids
from brats_seg.data.patients import Patients, patient
from brats_seg.errors import FileError, UserError, plain_id
from brats_seg.files import read_json

SPLIT_FORMAT = '{"train": [...], "validation": [...]}'


def read_split(path: Path, case_ids: Iterable[str], patients: Patients = MappingProxyType({})) -> Split:
    """A split written by hand: ``{"train": [...], "validation": [...]}``.

    Args:
        path: Of the JSON file.
        case_ids: The cases that there are.
        patients: As for :func:`brats_seg.data.patients.patient`.

    Returns:
        The split.

    Raises:
        UserError: The file is no such split, names unknown cases, or a case or a patient on both sides.
    """
    raw = read_json(path)
    if not isinstance(raw, dict) or set(raw) != {"train", "validation"}:
        found = f"keys {sorted(raw)}" if isinstance(raw, dict) else "something else"
        raise FileError(path, SPLIT_FORMAT, found)
    if not (is_list_of_ids(raw["train"]) and is_list_of_ids(raw["validation"])):
        raise FileError(path, SPLIT_FORMAT, "other values than lists of case ids")
    train = set(map(plain_id, raw["train"]))
    validation = set(map(plain_id, raw["validation"]))
    unknown = (train | validation) - set(case_ids)
    if unknown:
        raise UserError(f"{path}: data.root has no case {', '.join(sorted(unknown))}")
    both = train & validation
    if both:
        raise UserError(f"{path}: {', '.join(sorted(both))} in train and validation; keep each on one side")
    both = {patient(case, patients) for case in train} & {patient(case, patients) for case in validation}
    if both:
        raise UserError(
            f"{path}: visits of {', '.join(sorted(both))} in train and validation; "
            "keep each patient on one side"
        )
    if not train:
        raise UserError(f"{path}: no case to train on")
    return Split(tuple(sorted(train)), tuple(sorted(validation)))


def read_exclusions(path: Path) -> frozenset[str]:
    """Case ids to leave out of training: a JSON list, or an object with that list under ``exclude``.

    Raises:
        UserError: The file is neither.
    """
    raw = read_json(path)
    ids = raw.get("exclude") if isinstance(raw, dict) else raw
    if not is_list_of_ids(ids):
        raise FileError(path, 'a list of case ids, or {"exclude": [...]}', "something else")
    return frozenset(map(plain_id, cast(list[str], ids)))
