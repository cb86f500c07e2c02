"""What an evaluation folder tells about itself: ``evaluation.json``, and the scores read back."""

from __future__ import annotations

import json
from pathlib import Path

import brats_seg
from brats_seg.errors import UserError
from brats_seg.evaluation.conventions import Convention, convention
from brats_seg.evaluation.score import Row
from brats_seg.evaluation.tables import from_csv
from brats_seg.files import write_text

RECORD = "evaluation.json"


def write_record(folder: Path, convention: str) -> None:
    """Write ``evaluation.json``."""
    record = {"schema": 1, "convention": convention, "brats_seg": brats_seg.__version__}
    write_text(folder / RECORD, json.dumps(record, indent=2) + "\n")


def read_rows(folder: Path) -> list[Row]:
    """The scores per case.

    Raises:
        UserError: It is no evaluation folder.
    """
    try:
        return from_csv((folder / "per_case.csv").read_text(encoding="utf-8"))
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{folder}: expected an evaluation folder with per_case.csv ({error})") from error


def recorded_convention(folder: Path, asked: str | None) -> Convention:
    """The convention that the scores of a folder follow.

    Args:
        folder: Evaluation folder.
        asked: What somebody says it is; None where nobody does.

    Raises:
        UserError: Folder and somebody contradict each other, neither tells, or the name is not known.
    """
    try:
        told = str(json.loads((folder / RECORD).read_text(encoding="utf-8"))["convention"])
    except (OSError, ValueError, KeyError, TypeError):
        told = None
    if told is None and asked is None:
        raise UserError(
            f"{folder / RECORD}: expected the convention of the scores, found none; evaluate again or give convention=NAME"
        )
    if told and asked and told != asked:
        raise UserError(f"{folder}: expected scores of {asked}, found those of {told}")
    return convention(told or asked or "")
