"""Cases as tensors: random patches to train on, whole brains to validate on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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
        self.cases = cases
        self.patch = patch
        self.seed = seed

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        case = self.cases[index]
        generator = np.random.default_rng(seed_for(self.seed, epoch, case.id, "crop"))
        window, padding = random_window(case.box.shape, self.patch, generator)
        return _sample(case, padding.pad(case.image(window)), padding.pad(case.regions(window)))


class WholeDataset(Dataset[Sample]):
    """The whole brain box of each case, padded at the end.

    Args:
        cases: What to serve.
        multiple: Each padded size is a multiple of it, in voxels: how often the network halves.
    """

    def __init__(self, cases: Sequence[CachedCase], multiple: int) -> None:
        self.cases = cases
        self.multiple = multiple

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Sample:
        case = self.cases[index]
        padding = pad_to_multiple(case.box.shape, self.multiple)
        return _sample(case, padding.pad(case.image()), padding.pad(case.regions()))


def _sample(case: CachedCase, image: NDArray[Any], regions: NDArray[Any]) -> Sample:
    return torch.from_numpy(image), torch.from_numpy(np.ascontiguousarray(regions)), case.id


class EpochSampler(Sampler[tuple[int, int]]):
    """``(epoch, index)`` of every case once, shuffled by (seed, epoch); every rank takes its share.

    The epoch travels with the index, because workers that outlive an epoch would not see the dataset change.

    Args:
        length: How many cases there are.
        seed: Of the run.
        rank: This process, from 0.
        world_size: How many processes train.
    """

    def __init__(self, length: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        self.length = length
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning does at the start of each."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.length // self.world_size)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = np.random.default_rng(seed_for(self.seed, self.epoch, "shuffle"))
        order = generator.permutation(self.length)
        # Every rank must take equally many steps: the first cases of the order come again at its end.
        filled = np.resize(order, len(self) * self.world_size)
        for index in filled[self.rank :: self.world_size]:
            yield self.epoch, int(index)
