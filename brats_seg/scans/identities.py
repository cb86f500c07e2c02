"""Which case is which patient's study: one file, beside the cases, that is not to be passed on.

Covered by tests/scans/test_convert.py.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Any

from brats_seg.errors import UserError
from brats_seg.files import read_object, refuse_foreign, says, write_json
from brats_seg.scans.series import Series

FILE = "identities.json"
LONGEST_NAME = 60
REMEDY = "choose another output=DIR"


class Identities:
    """Names of cases. A pseudonym is a keyed hash of the study's UID; the key lies in the file and
    nowhere else.

    Args:
        folder: Where the file is, or will be.
        keep: Name cases by PatientID and StudyDate instead.

    Raises:
        UserError: The folder's cases were named in the other way, or it holds somebody else's file.
    """

    def __init__(self, folder: Path, *, keep: bool) -> None:
        self.path = folder / FILE
        refuse_foreign({self.path: says('"keep"', '"key"')}, remedy=REMEDY)
        held = read_object(self.path)
        if held and held.get("keep") != keep:
            raise UserError(f"{folder} holds cases with other names: choose another output=DIR")
        self.keep = keep
        self.key = str(held.get("key") or secrets.token_hex(16))
        self.cases: dict[str, Any] = dict(held.get("cases") or {})

    def name(self, series: Series) -> str:
        """The case of a series, written down for :meth:`write`."""
        if self.keep:
            plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{series.patient}-{series.date}").strip("-")
            name = plain[:LONGEST_NAME] or "unnamed"
        else:
            digest = hmac.new(self.key.encode(), series.study.encode(), hashlib.sha256).hexdigest()
            name = f"study-{digest[:10]}"
        while name in self.cases and self.cases[name]["study"] != series.study:
            name = f"{name}-2"
        if name not in self.cases and os.path.lexists(self.path.parent / name):
            raise UserError(f"{self.path.parent / name} is there, and convert has not written it; {REMEDY}")
        told = {"patient": series.patient, "study": series.study, "date": series.date}
        self.cases[name] = {**self.cases.get(name, {}), **told}
        return name

    def add_source(self, name: str, folder: Path, t1ce: str) -> None:
        """Say where a case's T1ce came from, for :meth:`write`.

        Args:
            name: Of the case.
            folder: The DICOM files.
            t1ce: SeriesInstanceUID.
        """
        self.cases[name] |= {"dicom": str(folder.absolute()), "t1ce": t1ce}

    def write(self) -> None:
        """Write the file, for its owner's eyes only."""
        write_json(self.path, {"keep": self.keep, "key": self.key, "cases": self.cases})
        self.path.chmod(0o600)


def source_of(volume: Path) -> tuple[Path, str] | None:
    """The DICOM files that a sequence of :func:`brats_seg.scans.convert.convert` came from.

    Args:
        volume: ``<folder>/<case>/<case>_t1ce.nii.gz``.

    Returns:
        The folder of the files and the SeriesInstanceUID of the T1ce; None where nothing tells them.
    """
    cases = read_object(volume.parent.parent / FILE).get("cases")
    told = cases.get(volume.parent.name) if isinstance(cases, dict) else None
    folder, uid = (told.get("dicom"), told.get("t1ce")) if isinstance(told, dict) else (None, None)
    if not (isinstance(folder, str) and isinstance(uid, str) and folder and "\0" not in folder):
        return None
    return Path(folder), uid
