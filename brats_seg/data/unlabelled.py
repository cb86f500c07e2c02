"""Patches without a target, beside those with one, for a mean teacher (section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from brats_seg.augment import Augmentation, two_views
from brats_seg.data.dataset import EpochSampler, patch_seed
from brats_seg.data.loader import EndlessLoader
from brats_seg.geometry import Triple, random_window
from brats_seg.preprocessing import CachedCase
from brats_seg.seeds import seed_for
from brats_seg.terms import Batch, Unlabelled

Image = tuple[Tensor, str]
"""``(modality, z, y, x)`` float16, case id."""


class ImagePatches(Dataset[Image]):
    """Random patches without a target, pure functions of (seed, epoch, case id, number).

    Args:
        cases: What to draw from.
        patch: Size ``(z, y, x)``; smaller brains are padded with a random split.
        seed: Of the run.
    """

    def __init__(self, cases: Sequence[CachedCase], patch: Triple, seed: int) -> None:
        self.cases = cases
        self.patch = patch
        self.seed = seed

    def __getitem__(self, key: tuple[int, int]) -> Image:
        epoch, index = key
        number, place = divmod(index, len(self.cases))
        case = self.cases[place]
        seed = patch_seed(self.seed, epoch, case.id, "unlabelled crop", number)
        window, padding = random_window(case.box.shape, self.patch, np.random.default_rng(seed))
        return torch.from_numpy(padding.pad(case.image(window))), case.id


class TurnByTurn(EpochSampler):
    """So many patches of every epoch, from cases that take turns over the epochs.

    Args:
        length: How many cases there are.
        seed: Of the run.
        rank: This process, from 0.
        world_size: How many processes train.
        patches: Of an epoch, for each process.
    """

    def __init__(self, length: int, seed: int, rank: int, world_size: int, *, patches: int) -> None:
        super().__init__(length, seed, rank, world_size)
        self.patches = patches

    def __len__(self) -> int:
        return self.patches

    def of_epoch(self, epoch: int) -> Iterator[tuple[int, int]]:
        """This process's share of one epoch."""
        of_all = self.patches * self.world_size
        first = epoch * of_all
        for position in range(first + self.rank, first + of_all, self.world_size):
            turn, place = divmod(position, self.length)
            generator = np.random.default_rng(seed_for(self.seed, turn, "unlabelled"))
            case = int(generator.permutation(self.length)[place])
            number = turn - first // self.length
            yield epoch, case + number * self.length


class PairedLoader:
    """Batches of the first loader, each with one of the second.

    Args:
        labelled: Lightning sets the epoch of its sampler.
        unlabelled: Has as many batches.
    """

    def __init__(self, labelled: EndlessLoader, unlabelled: EndlessLoader) -> None:
        self.labelled = labelled
        self.unlabelled = unlabelled
        self.sampler = labelled.sampler

    def __len__(self) -> int:
        return len(self.labelled)

    def __iter__(self) -> Iterator[Batch]:
        self.unlabelled.sampler.set_epoch(self.sampler.epoch)
        for batch, without in zip(self.labelled, self.unlabelled, strict=True):
            yield batch._replace(unlabelled=without)


def collate(samples: Sequence[Image]) -> Unlabelled:
    """Stack images of one size; both views are the same until they are augmented."""
    images, ids = zip(*samples, strict=True)
    stacked = torch.stack(images)
    return Unlabelled(stacked, stacked, list(ids))


def augment(unlabelled: Unlabelled, augmentation: Augmentation, seed: int, epoch: int) -> Unlabelled:
    """Two views of each patch, equal in space and different in intensity.

    Args:
        unlabelled: As collated, on its device.
        augmentation: Of the labelled patches, too.
        seed: Of the run.
        epoch: From 0.

    Returns:
        The views, float32.
    """
    ids = unlabelled.case_ids
    draws = []
    for place, case_id in enumerate(ids):
        number = ids[:place].count(case_id)
        one, other = (
            augmentation.draw(patch_seed(seed, epoch, case_id, use, number)) for use in ("student", "teacher")
        )
        draws.append((one, other))
    student, teacher = two_views(augmentation, unlabelled.student.float(), draws)
    return Unlabelled(student, teacher, ids)
