"""Which cases are of one patient. Covered by tests/data/test_folds.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

TIMEPOINT = re.compile(r"^(BraTS-[A-Za-z]+-\d+)-\d+$")
"""BraTS 2023 and later number the visits of a patient, behind the last hyphen."""

SCAN = re.compile(r"^((?:Brats1[78]|BraTS19)_.+)_\d+$")
"""BraTS 2017 to 2019 number scans too; nearly every patient has only scan 1.

BraTS 2020 has one case per patient.
"""

Patients = Mapping[str, str]
"""Case id to patient, as the user says; where a case is not among them, its id is asked."""


def patient(case_id: str, patients: Patients = MappingProxyType({})) -> str:
    """The patient of a case, for whom the id of the first scan stands where scans are numbered.

    Args:
        case_id: Of the case.
        patients: What the user says.

    Returns:
        What all cases of the patient have in common.
    """
    if case_id in patients:
        return patients[case_id]
    visit = TIMEPOINT.match(case_id)
    if visit:
        return visit[1]
    scan = SCAN.match(case_id)
    return f"{scan[1]}_1" if scan else case_id
