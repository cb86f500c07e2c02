"""What cannot be scored is told in one line."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.artifacts.label_maps import LabelMap
from brats_seg.cross_validation import choose_enhancing_threshold
from brats_seg.errors import CaseError, UserError
from brats_seg.evaluation import Scoring, evaluate
from brats_seg.evaluation.conventions import find_convention
from brats_seg.evaluation.pairs import Pair, find_references
from brats_seg.evaluation.reading import read_label_map
from brats_seg.evaluation.score_case import read_truth
from brats_seg.evaluation.uncertainty import ProbabilisticMaps


def test_a_case_without_a_reference():
    with pytest.raises(CaseError, match="expected a reference, found none"):
        read_truth(Pair("one", None, None), find_convention("brats2020"))


def test_a_label_map_of_several_volumes(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 6, 2), np.uint8), np.eye(4)), tmp_path / "one.nii.gz")
    with pytest.raises(CaseError, match="expected one label map, found 2 volumes"):
        read_label_map("one", LabelMap(tmp_path / "one.nii.gz", "brats2020"))


def test_references_of_one_case_twice(write, make_tumour, tmp_path):
    for folder in ("one", "other"):
        for name in ("t1", "t1ce", "t2", "flair", "seg"):
            write(f"cases/{folder}/BraTS20_000/BraTS20_000_{name}.nii.gz", make_tumour(0))
    with pytest.raises(UserError, match="BraTS20_000"):
        find_references(tmp_path / "cases", labels=None)


def test_no_folder_of_predictions_to_choose_a_threshold_on(cohort):
    with pytest.raises(UserError, match="expected folders of label maps, found none"):
        choose_enhancing_threshold([], cohort[1])


def test_no_case_that_can_be_scored(cohort, tmp_path):
    predictions, references = cohort
    for path in predictions.glob("*.nii.gz"):
        path.write_bytes(b"broken")
    with pytest.raises(UserError, match="no case could be scored"):
        evaluate(predictions, references, tmp_path / "out", Scoring.default(missing="skip"))
    assert not (tmp_path / "out").exists()


def test_probabilities_beyond_one_and_brains_that_nothing_shows(cohort, write):
    predictions, references = cohort
    pair = find_references(references, labels=None)["BraTS20_000"]
    predicted = LabelMap(predictions / "BraTS20_000.nii.gz", "brats2020")
    assert pair.reference is not None
    truth = nifti.read(pair.reference.path)
    with pytest.raises(CaseError, match="whose images show the brain, found label maps alone"):
        ProbabilisticMaps(Pair("BraTS20_000", predicted, pair.reference), truth)
    maps = ProbabilisticMaps(Pair("BraTS20_000", predicted, pair.reference, brain=pair.brain), truth)
    path: Path = maps.folder.probability("BraTS20_000", "ET")
    nifti.write(path, np.full(truth.array.shape, 1.5, np.float32), truth.geometry)
    with pytest.raises(CaseError, match=r"expected 0 to 1, found 1\.5 to 1\.5"):
        maps.score_calibration("ET", truth.array > 0, bins=10)
