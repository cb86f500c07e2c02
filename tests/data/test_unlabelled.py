"""Patches without a target: which, how often, and that both views show the same place."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor

from brats_seg.augment import Augmentation, Draw, two_views
from brats_seg.augment.spatial import Motion
from brats_seg.data.base import BraTSDataModule
from brats_seg.data.unlabelled import TurnByTurn
from brats_seg.errors import UserError
from brats_seg.phantom import write_cohort
from brats_seg.training.config import build


@pytest.mark.parametrize(("length", "patches", "world"), [(3, 5, 1), (4, 3, 2), (2, 7, 3)])
def test_cases_take_turns_over_epochs_and_processes_and_no_patch_comes_twice(
    length: int, patches: int, world: int
) -> None:
    epochs = 2 * length  # so that all turns are whole
    keys: list[tuple[int, int]] = []
    for epoch in range(epochs):
        for rank in range(world):
            share = list(TurnByTurn(length, 0, rank, world, patches=patches).of_epoch(epoch))
            assert len(share) == patches
            keys += share
    assert len(set(keys)) == len(keys)
    counts = Counter(index % length for _, index in keys)
    assert set(counts.values()) == {len(keys) // length}


@pytest.fixture
def augmentation(config: Callable[..., DictConfig], tmp_path: Path) -> Augmentation:
    data: BraTSDataModule = build(config(tmp_path, tmp_path, "experiment=pipeline_a").data)
    return data.augmentation


def ramp() -> Tensor:
    """Every voxel of a channel has a value of its own."""
    return torch.arange(4 * 6**3, dtype=torch.float32).view(1, 4, 6, 6, 6)


def test_both_views_move_alike_and_their_intensities_differ(augmentation: Augmentation) -> None:
    one = Draw((0, 2), (2.0, 2.0, 2.0, 2.0), None, None, None, Motion((0.0, 90.0, 0.0), 1.0))
    other = Draw((1,), (3.0, 3.0, 3.0, 3.0), None, None, None, None)
    first, second = two_views(augmentation, ramp(), [(one, other)])
    assert first.isclose(second * 2 / 3, atol=1e-2).all()
    assert not first.equal(second)
    assert not first.isclose(2 * ramp()).all()


def test_the_folder_is_read_without_its_segmentations_and_never_a_case_that_validates(
    config: Callable[..., DictConfig], root: Path, tmp_path: Path
) -> None:
    write_cohort(tmp_path / "more", cases=7, seed=9, shape=(32, 32, 32))
    for number in range(1, 6):  # whose ids are in the cohort
        shutil.rmtree(tmp_path / "more" / f"BraTS20_Training_{number:03d}")
    teaching = ["experiment=pipeline_a_mean_teacher", "data.batch_size=2"]
    teaching.append(f"data.unlabelled={tmp_path / 'more'}")
    data: BraTSDataModule = build(config(root, tmp_path, *teaching).data)
    data.prepare_cases()
    assert {name for name in data.checksums() if name.startswith("unlabelled/")} == {
        "unlabelled/BraTS20_Training_006",
        "unlabelled/BraTS20_Training_007",
    }
    assert all(case.segmentation is None for case in data.unlabelled_cases)
    loader = data.train_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader) == 2
    for batch in batches:
        assert batch.unlabelled.student.shape == (1, 4, 16, 16, 16)
    teaching[-1] = f"data.unlabelled={root / 'cohort'}"
    again: BraTSDataModule = build(config(root, tmp_path, *teaching).data)
    with pytest.raises(UserError, match=r"expected no case that validates, found BraTS20_Training_\d+$"):
        again.prepare_cases()
