"""Whose prediction, whose truth, which labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from brats_seg.errors import UserError
from brats_seg.evaluation.pairs import Pair, find_pairs, find_references

Write = Callable[..., Path]
Tumour = Callable[..., np.ndarray]


def labels_of(pair: Pair) -> str:
    assert pair.reference is not None
    return pair.reference.labels


def test_a_case_tree_and_a_prediction_folder(cohort: tuple[Path, Path]) -> None:
    predictions, references = cohort
    pairs, unmatched = find_pairs(predictions, find_references(references, labels=None), labels=None)
    assert [pair.case for pair in pairs] == ["BraTS20_000", "BraTS20_001", "BraTS20_002"]
    assert {labels_of(pair) for pair in pairs} == {"brats2020"}
    assert all(pair.brain is not None for pair in pairs)
    assert unmatched == []


def test_a_2023_tree_tells_its_own_labels(write: Write, make_tumour: Tumour) -> None:
    for name in ("t1n", "seg"):
        folder = write(f"tree/x/x-{name}.nii.gz", make_tumour(0, enhancing=3))
    assert labels_of(find_references(folder.parent, labels=None)["x"]) == "brats2023"
    assert labels_of(find_references(folder.parent, labels="msd")["x"]) == "msd"


@pytest.mark.parametrize("name", ["x", "x_seg", "x-seg"])
def test_a_flat_folder_of_truths(write: Write, make_tumour: Tumour, name: str) -> None:
    folder = write(f"truth/{name}.nii.gz", make_tumour(0))
    assert labels_of(find_references(folder, labels="brats2020")["x"]) == "brats2020"
    with pytest.raises(UserError, match=r"labels\.references=brats2020 or"):
        find_references(folder, labels=None)
    write(f"truth/{name}.nii.gz", make_tumour(0), "msd")
    assert labels_of(find_references(folder, labels=None)["x"]) == "msd"


def test_labels_of_predictions_are_asked_for(write: Write, make_tumour: Tumour) -> None:
    truth = find_references(write("truth/x.nii.gz", make_tumour(0)), labels="brats2020")
    folder = write("p/x.nii.gz", make_tumour(0))
    with pytest.raises(UserError, match=r"label values of x; give labels\.predictions="):
        find_pairs(folder, truth, labels=None)
    for text in ("[not what it should be", "[" * 200_000, '{"labels": {"convention": 3}}'):
        (folder / "x.json").write_text(text)
        with pytest.raises(UserError, match="nothing tells the label values of x"):
            find_pairs(folder, truth, labels=None)
    with pytest.raises(UserError, match="unknown label values"):
        find_pairs(folder, truth, labels="brats1999")
    pairs, _ = find_pairs(folder, truth, labels="brats2023")
    assert pairs[0].prediction is not None
    assert pairs[0].prediction.labels == "brats2023"


def test_unmatched_and_missing_ones_are_named(
    cohort: tuple[Path, Path], write: Write, make_tumour: Tumour
) -> None:
    predictions, references = cohort
    write("predictions/other.nii.gz", make_tumour(0), "brats2020")
    (predictions / "BraTS20_001.nii.gz").unlink()
    pairs, unmatched = find_pairs(predictions, find_references(references, labels=None), labels=None)
    assert [pair.prediction is None for pair in pairs] == [False, True, False]
    assert len(unmatched) == 1
    assert "case other" in unmatched[0]


def test_each_pipeline_alone_is_found(cohort: tuple[Path, Path], write: Write, make_tumour: Tumour) -> None:
    predictions, references = cohort
    write("predictions/b/BraTS20_001.nii.gz", make_tumour(1), "brats2020")
    pairs, _ = find_pairs(predictions, find_references(references, labels=None), labels=None)
    assert [list(pair.per_pipeline) for pair in pairs] == [[], ["b"], []]


def test_nothing_in_common_is_one_line(
    cohort: tuple[Path, Path], write: Write, make_tumour: Tumour, tmp_path: Path
) -> None:
    references = find_references(cohort[1], labels=None)
    with pytest.raises(UserError, match=r"expected a label map per case, such as BraTS20_000\.nii\.gz"):
        find_pairs(write("elsewhere/y.nii.gz", make_tumour(0)), references, labels="brats2020")
    with pytest.raises(UserError, match="expected a folder of label maps"):
        find_pairs(tmp_path / "nowhere", references, labels=None)


def test_one_case_has_one_label_map(write: Write, make_tumour: Tumour) -> None:
    write("truth/x.nii.gz", make_tumour(0))
    folder = write("truth/x.nii", make_tumour(0))
    with pytest.raises(UserError, match="expected one label map"):
        find_references(folder, labels="brats2020")


def test_references_without_truth_are_one_line(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    for path in cohort[1].rglob("*_seg.nii.gz"):
        path.unlink()
    with pytest.raises(UserError, match="found 3 without"):
        find_references(cohort[1], labels=None)
    (tmp_path / "void").mkdir()
    with pytest.raises(UserError, match="expected label maps"):
        find_references(tmp_path / "void", labels=None)
