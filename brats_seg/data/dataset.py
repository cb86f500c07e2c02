"""Cases as tensors: random patches to train on, whole brains to validate on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from brats_seg.geometry import Triple, pad_to_multiple, random_window
from brats_seg.preprocessing import CachedCase
from brats_seg.seeds import seed_for

Sample = tuple[Tensor, Tensor, str]
"""Image ``(modality, z, y, x)`` float16, target ``(region, z, y, x)`` bool, case id."""


class PatchDataset(Dataset[Sample]):
    """One random patch per case and epoch, a pure function of (seed, epoch, case id).

    Args:
        cases: What to draw from.
        patch: Size ``(z, y, x)``; smaller brains are padded with a random split.
        seed: Of the run.
    """

    def __init__(self, cases: Sequence[CachedCase], patch: Triple, seed: int) -> None:
        self.cases, self.patch, self.seed = cases, patch, seed

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        case = self.cases[index]
        generator = np.random.default_rng(seed_for(self.seed, epoch, case.id, "crop"))
        window, padding = random_window(case.box.shape, self.patch, generator)
        image, regions = padding.pad(case.image(window)), padding.pad(case.regions(window))
        return torch.from_numpy(image), torch.from_numpy(np.ascontiguousarray(regions)), case.id


class WholeDataset(Dataset[Sample]):
    """The whole brain box of each case, padded at the end to a multiple of what the network halves."""

    def __init__(self, cases: Sequence[CachedCase], multiple: int) -> None:
        self.cases, self.multiple = cases, multiple

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Sample:
        case = self.cases[index]
        padding = pad_to_multiple(case.box.shape, self.multiple)
        image, regions = padding.pad(case.image()), padding.pad(case.regions())
        return torch.from_numpy(image), torch.from_numpy(np.ascontiguousarray(regions)), case.id


class EpochSampler(Sampler[tuple[int, int]]):
    """``(epoch, index)`` of every case once, shuffled by (seed, epoch); every rank takes its share.

    The epoch travels with the index, because workers that outlive an epoch would not see it change on the dataset.
    """

    def __init__(self, length: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        self.length, self.seed, self.rank, self.world_size = length, seed, rank, world_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.length // self.world_size)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng(seed_for(self.seed, self.epoch, "shuffle")).permutation(self.length)
        # Every rank must take as many steps: the first cases fill up.
        share = np.resize(order, len(self) * self.world_size)[self.rank :: self.world_size]
        yield from ((self.epoch, int(index)) for index in share)
