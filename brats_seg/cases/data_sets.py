"""The data sets of the BraTS challenges, told by the ids of cases. Covered by tests/cases/test_find.py."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes:
        name: Of it.
        labels: Name of its label values; None where they are none of ours.
        remark: What of it does not fit; empty where all does.
    """

    name: str
    labels: str | None
    remark: str = ""


DATA_SETS = (
    (re.compile(r"BraTS-GLI-\d+-1\d\d", re.IGNORECASE), DataSet("glioma after treatment", "brats2024")),
    (re.compile(r"BraTS-SSA-", re.IGNORECASE), DataSet("Africa", "brats2023")),
    (
        re.compile(r"BraTS-PED", re.IGNORECASE),
        DataSet(
            "paediatric",
            None,
            "its label values (1 enhancing, 2 non-enhancing, 3 cyst, 4 oedema) and its lesion-wise scoring "
            "are none of ours; rewrite the labels as brats2023 to use them",
        ),
    ),
    (
        re.compile(r"BraTS-MEN-RT-", re.IGNORECASE),
        DataSet(
            "meningioma radiotherapy",
            None,
            "one sequence and one label (gross tumour volume): no label values and no scoring convention fit",
        ),
    ),
    (
        re.compile(r"BraTS-MEN-", re.IGNORECASE),
        DataSet(
            "meningioma",
            "brats2023",
            "labels fit; its lesion-wise scoring (1 step of dilation) is none of ours, "
            "convention=brats2020 fits",
        ),
    ),
    (
        re.compile(r"BraTS-METS?-", re.IGNORECASE),
        DataSet(
            "metastases",
            "brats2024",
            "labels fit; its lesion-wise scoring (1 step of dilation, lesions up to 2 mm³ ignored) is none "
            "of ours, convention=brats2020 fits",
        ),
    ),
)
"""Beginning of a case id to the data set, the first that fits."""


def find_data_set(case_id: str) -> DataSet | None:
    """The data set of a case; None where its id tells none, as those of adult glioma before treatment."""
    for beginning, data_set in DATA_SETS:
        if beginning.match(case_id):
            return data_set
    return None


def remarks(case_ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What does not fit, once for each data set.

    Yields:
        A case of the data set, and one line.
    """
    found: dict[DataSet, list[str]] = defaultdict(list)
    for case_id in case_ids:
        data_set = find_data_set(case_id)
        if data_set is not None and data_set.remark:
            found[data_set].append(case_id)
    for data_set, ids in found.items():
        more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        yield ids[0], f"{data_set.name} data set{more}: {data_set.remark}"
