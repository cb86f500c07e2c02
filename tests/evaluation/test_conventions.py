"""The empty cases of every convention, number by number: the table of docs/evaluation.md.

2020: 0 and 373.12866 where one mask is empty (leaderboards of BraTS 2020). 2023: ``fix_value = 374`` and 1 /
    0 for nothing and
nothing in ``metrics.py`` of BraTS-2023-Metrics.
2024: 337 in ``metrics_GLI.py`` of BraTS-2024-Metrics. 2026: ``brats-evaluation --config gli``, then
``brats-parse-metrics seg``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from brats_seg.artifacts.label_maps import LabelMap
from brats_seg.evaluation.conventions import CONVENTIONS
from brats_seg.evaluation.measures import METRICS
from brats_seg.evaluation.pairs import Pair
from brats_seg.evaluation.score_case import read_truth, score_pair
from brats_seg.evaluation.wanted import Wanted

Write = Callable[..., Path]
SHAPE = (12, 14, 16)
VOXELS = 12 * 14 * 16
NOTHING = np.zeros(SHAPE, bool)
CUBE = NOTHING.copy()
CUBE[4:9, 4:9, 4:9] = True  # 125 mm^3: more than 2023 ignores
ML = 0.125
SPECIFICITY = (VOXELS - 125) / VOXELS

EQUAL = {"volume_difference": 0, "lesions_missed": 0, "lesions_false": 0}
MISSED = {"volume_difference": -ML, "lesions_missed": 1, "lesions_false": 0}
FALSE = {"volume_difference": ML, "lesions_missed": 0, "lesions_false": 1}
SAME_2020 = {"dice": 1, "specificity": 1, "hd95": 0, "surface_dice": 1, **EQUAL}
SAME_2023 = {**SAME_2020, "lesion_dice": 1, "lesion_hd95": 0, "sensitivity": 1}
SAME_2024 = {**SAME_2023, "global_nsd_10": 1, "global_nsd_05": 1}
SAME_2024 |= {"lesion_surface_dice": 1, "lesion_surface_dice_05": 1}
SAME_2026 = {"dice": 1, "global_hd95": 0, "global_nsd": 1, "surface_dice": 1, **EQUAL}
UNDEFINED_2026 = {
    "lesion_dice": None,
    "lesion_hd95": None,
    "lesion_surface_dice": None,
    "lesion_f1": None,
    "global_hd95": None,
    "global_nsd": None,
}
WRONG_2020 = {"dice": 0, "hd95": 373.12866, "surface_dice": 0}
WRONG_2023 = {
    "lesion_dice": 0,
    "lesion_hd95": 374,
    "dice": 0,
    "hd95": 374,
    "surface_dice": 0,
    "lesions_found": 0,
}
WRONG_2024 = {
    **dict.fromkeys(set(SAME_2024) - set(EQUAL) - {"sensitivity", "specificity"}, 0),
    "lesions_found": 0,
}
WRONG_2024 |= {"hd95": 337, "lesion_hd95": 337}
LESIONS_2026 = {
    "lesion_dice": 0,
    "lesion_hd95": 373,
    "lesion_surface_dice": 0,
    "lesion_f1": 0,
    "lesions_found": 0,
}
WRONG_2026 = {**LESIONS_2026, "dice": 0, "global_hd95": 373, "global_nsd": 0, "surface_dice": 0}

EMPTY = {
    ("brats2020", "both"): {**SAME_2020, "sensitivity": None, "lesions_truth": 0, "lesions_predicted": 0},
    ("brats2020", "same"): {**SAME_2020, "sensitivity": 1, "lesions_truth": 1, "lesions_predicted": 1},
    ("brats2020", "no prediction"): {
        **WRONG_2020, **MISSED, "sensitivity": 0, "specificity": 1, "lesions_truth": 1, "lesions_predicted":
        0,
    },
    ("brats2020", "no truth"): {
        **WRONG_2020, **FALSE, "sensitivity": None, "specificity": SPECIFICITY, "lesions_truth": 0,
        "lesions_predicted": 1,
    },
    ("brats2023", "both"): {**SAME_2023, "lesions_found": 0},
    ("brats2023", "same"): {**SAME_2023, "lesions_found": 1},
    ("brats2023", "no prediction"): {**WRONG_2023, **MISSED, "sensitivity": 0, "specificity": 1},
    ("brats2023", "no truth"): {**WRONG_2023, **FALSE, "sensitivity": 0, "specificity": SPECIFICITY},
    ("brats2024", "both"): {**SAME_2024, "lesions_found": 0},
    ("brats2024", "same"): {**SAME_2024, "lesions_found": 1},
    ("brats2024", "no prediction"): {**WRONG_2024, **MISSED, "sensitivity": 0, "specificity": 1},
    ("brats2024", "no truth"): {**WRONG_2024, **FALSE, "sensitivity": 0, "specificity": SPECIFICITY},
    ("brats2026", "both"): {**SAME_2026, **UNDEFINED_2026, "lesions_found": 0},
    ("brats2026", "same"): {
        **SAME_2026, "lesion_dice": 1, "lesion_hd95": 0, "lesion_surface_dice": 1, "lesion_f1": 1,
        "lesions_found": 1,
    },
    ("brats2026", "no prediction"): {**WRONG_2026, **MISSED},
    ("brats2026", "no truth"): {**WRONG_2026, **FALSE},
}  # fmt: skip
MASKS = {
    "both": (NOTHING, NOTHING),
    "same": (CUBE, CUBE),
    "no prediction": (NOTHING, CUBE),
    "no truth": (CUBE, NOTHING),
}
ABSENT = {
    ("brats2020", True): {**EMPTY["brats2020", "no prediction"], "specificity": 0},
    ("brats2020", False): {**EMPTY["brats2020", "both"], **WRONG_2020, "specificity": 0},
    ("brats2023", True): {**EMPTY["brats2023", "no prediction"], "specificity": 0},
    ("brats2023", False): {**EMPTY["brats2023", "both"], **WRONG_2023, "sensitivity": 0, "specificity": 0},
    ("brats2024", True): {**EMPTY["brats2024", "no prediction"], "specificity": 0},
    ("brats2024", False): {**EMPTY["brats2024", "both"], **WRONG_2024, "sensitivity": 0, "specificity": 0},
    ("brats2026", True): EMPTY["brats2026", "no prediction"],
    ("brats2026", False): {**EMPTY["brats2026", "both"], **WRONG_2026},
}
"""Of a file that is missing, by whether there is something in the truth."""


@pytest.mark.parametrize(("name", "which"), EMPTY)
def test_empty_masks(name: str, which: str) -> None:
    prediction, truth = MASKS[which]
    found = CONVENTIONS[name].score({"WT": prediction}, {"WT": truth}, (1.0, 1.0, 1.0), VOXELS)["WT"]
    assert found == pytest.approx(EMPTY[name, which], abs=1e-12)


@pytest.mark.parametrize(("name", "tumour"), ABSENT)
def test_a_missing_file_is_penalised(name: str, tumour: bool, write: Write) -> None:
    truth = 4 * (CUBE if tumour else NOTHING).astype(np.uint8)
    pair = Pair("x", None, LabelMap(write("truth/x.nii.gz", truth) / "x.nii.gz", "brats2020"))
    convention = CONVENTIONS[name]
    rows = score_pair(pair, read_truth(pair, convention), Wanted(convention)).rows
    for region in ("ET", "TC", "WT"):
        assert {row.metric: row.value for row in rows if row.region == region} == pytest.approx(
            ABSENT[name, tumour], abs=1e-12
        )


def test_every_metric_is_known_and_the_ranked_ones_are_scored() -> None:
    for (name, _), scores in EMPTY.items():
        assert set(scores) <= set(METRICS)
        assert set(CONVENTIONS[name].ranked) <= set(scores)


def test_the_pipelines_alone_stand_before_the_merged_ones() -> None:
    assert list(METRICS)[:3] == ["dice_a", "dice_b", "dice"]  # Tables 3 and 4
