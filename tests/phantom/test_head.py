"""Heads with their skull, as a scanner gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import find_cases
from brats_seg.errors import UserError
from brats_seg.phantom import make_case, write_cohort, write_raw_cohort
from brats_seg.phantom.head import GRIDS, MARGIN, add_skull, make_head

SHAPE = (48, 56, 48)


@pytest.mark.slow
def test_each_sequence_has_its_own_grid_and_place(tmp_path: Path) -> None:
    (case_id,) = write_raw_cohort(tmp_path, cases=1, seed=0, shape=SHAPE)
    found = {case.id: case for case in find_cases(tmp_path)}[case_id]
    assert found.missing == ()
    for name, (codes, _) in GRIDS.items():
        assert nifti.read_geometry(found.modalities[name].path).orientation == codes
    t1ce = nifti.read(found.modalities["t1ce"].path)
    brain = nifti.read(tmp_path / "brains" / f"{case_id}_brain.nii.gz")
    assert nifti.same_space(brain.geometry, t1ce.geometry)
    assert t1ce.geometry.spacing_mm == pytest.approx((5.0, 0.9, 0.9))
    assert (t1ce.array[brain.array == 0] > 0).any()
    with pytest.raises(UserError, match="holds a cohort"):
        write_cohort(tmp_path, cases=1, seed=0, shape=SHAPE)


@pytest.mark.slow
def test_truth_and_brain_lie_on_the_t1ce() -> None:
    images, label_map = make_case(3, seed=0, shape=SHAPE)
    head = make_head(images, label_map, np.random.default_rng(0))
    voxel_ml = float(np.prod(head.brain.geometry.spacing_mm)) / 1000
    assert head.brain.array.sum() * voxel_ml == pytest.approx((images["t1"] > 0).sum() / 1000, rel=0.05)
    assert (head.brain.array[head.label_map.array > 0] == 1).mean() > 0.95
    assert np.array_equal(head.movements["t1ce"], np.eye(4))
    assert not np.array_equal(head.movements["t2"], np.eye(4))


def test_the_skull_leaves_the_brain_as_it_is() -> None:
    image = make_case(1, seed=0, shape=SHAPE)[0]["t1"]
    whole = add_skull(image, 1.1)
    inner = whole[MARGIN:-MARGIN, MARGIN:-MARGIN, MARGIN:-MARGIN]
    assert (inner[image > 0] == image[image > 0]).all()
    assert (whole > 0).sum() > 1.5 * (image > 0).sum()


def test_heads_that_are_there_are_kept(tmp_path) -> None:
    (case_id,) = write_raw_cohort(tmp_path, cases=1, seed=0, shape=SHAPE)
    before = (tmp_path / case_id / f"{case_id}_t1.nii.gz").stat().st_mtime_ns
    assert write_raw_cohort(tmp_path, cases=1, seed=0, shape=SHAPE) == [case_id]
    assert (tmp_path / case_id / f"{case_id}_t1.nii.gz").stat().st_mtime_ns == before
