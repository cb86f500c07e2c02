"""The threshold of small enhancing tumour that out-of-fold predictions ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brats_seg.cli.commands.enhancing_threshold import main
from brats_seg.cross_validation import choose_enhancing_threshold
from brats_seg.errors import UserError


def blob(enhancing: int, value: int = 4) -> np.ndarray:
    label_map = np.zeros((6, 6, 6), np.uint8)
    label_map[1:5] = 2
    label_map.reshape(-1)[60 : 60 + enhancing] = value
    return label_map


def cohort(write: Any, name: str, cases: dict[str, tuple[int, int]]) -> Path:
    """Case to (enhancing voxels predicted, true); gives the folder of predictions."""
    for case, (predicted, true) in cases.items():
        write(f"truth/{case}.nii.gz", blob(true, 3), "brats2023")
        folder: Path = write(f"{name}/{case}.nii.gz", blob(predicted), "brats2020")
    return folder


def test_false_specks_go_and_true_tumour_stays(write: Any, tmp_path: Path) -> None:
    fold0 = cohort(write, "fold_0", {"none": (0, 0), "speck": (3, 0), "true": (20, 20)})
    fold1 = cohort(write, "fold_1", {"specks": (7, 0), "small": (8, 8)})
    chosen = choose_enhancing_threshold([fold0, fold1], tmp_path / "truth")
    assert (chosen.below_mm3, chosen.cases, chosen.better, chosen.worse) == (8, 5, 2, 0)
    assert (chosen.before, chosen.after) == (0.6, 1.0)


def test_where_more_is_lost_than_gained_nothing_is_chosen(write: Any, tmp_path: Path) -> None:
    folder = cohort(write, "fold_0", {"speck": (9, 0), "small": (5, 5), "little": (6, 6)})
    chosen = choose_enhancing_threshold([folder], tmp_path / "truth")
    assert (chosen.below_mm3, chosen.better, chosen.worse, chosen.before) == (0, 0, 0, chosen.after)


def test_other_cases_are_refused(write: Any, tmp_path: Path) -> None:
    cohort(write, "fold_0", {"x": (1, 1)})
    with pytest.raises(UserError, match="found none"):
        choose_enhancing_threshold([write("elsewhere/y.nii.gz", blob(1), "brats2020")], tmp_path / "truth")


def test_the_command(write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = cohort(write, "fold_0", {"speck": (3, 0), "true": (20, 20)})
    main([f"predictions={folder}", f"references={tmp_path / 'truth'}"])
    first, second = capsys.readouterr().out.splitlines()
    assert first == "ET Dice 1.0000 instead of 0.5000: of 2 cases 1 better, 0 worse"
    assert second == "postprocessing.enhancing_below_mm3=4"
