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
    """Random patches of each case in each epoch, pure functions of (seed, epoch, case id, number).

    Index ``n * cases + k`` is patch n of case k.

    Args:
        cases: What to draw from.
        patch: Size ``(z, y, x)``; smaller brains are padded with a random split.
        seed: Of the run.
        patches_per_case: How many of each case.
        tumour_centred: Probability that a patch is centred on a voxel of a region.
    """

    def __init__(
        self,
        cases: Sequence[CachedCase],
        patch: Triple,
        seed: int,
        *,
        patches_per_case: int = 1,
        tumour_centred: float = 0.0,
    ) -> None:
        self.cases = cases
        self.patch = patch
        self.seed = seed
        self.patches_per_case = patches_per_case
        self.tumour_centred = tumour_centred

    def __len__(self) -> int:
        return len(self.cases) * self.patches_per_case

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        number, place = divmod(index, len(self.cases))
        case = self.cases[place]
        centre = self._centre(case, epoch, number)
        generator = np.random.default_rng(patch_seed(self.seed, epoch, case.id, "crop", number))
        window, padding = random_window(case.box.shape, self.patch, generator, centre)
        return _sample(case, padding.pad(case.image(window)), padding.pad(case.regions(window)))

    def _centre(self, case: CachedCase, epoch: int, number: int) -> Triple | None:
        """A voxel of a region, each region of the case equally often; None for a patch anywhere."""
        generator = np.random.default_rng(patch_seed(self.seed, epoch, case.id, "centre", number))
        if generator.random() >= self.tumour_centred:
            return None
        regions = [region for region in case.regions() if region.any()]
        if not regions:
            return None
        region = regions[generator.integers(len(regions))]
        voxels = np.flatnonzero(region)
        z, y, x = np.unravel_index(voxels[generator.integers(len(voxels))], region.shape)
        return (int(z), int(y), int(x))


def patch_seed(seed: int, epoch: int, case_id: str, use: str, number: int) -> int:
    """The seed of one patch.

    Args:
        seed: Of the run.
        epoch: From 0.
        case_id: Which case.
        use: What is drawn.
        number: Which patch of the case in this epoch, from 0.

    Returns:
        Of the first patch that without a number.
    """
    further = (number,) if number else ()
    return seed_for(seed, epoch, case_id, use, *further)


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
    """``(epoch, index)`` of every patch once, shuffled by (seed, epoch); every rank takes its share.

    The patches of a case come one behind the other, so that one batch has all of them.
    The epoch travels with the index, because workers that outlive an epoch would not see the dataset change.

    Args:
        length: How many cases there are.
        seed: Of the run.
        rank: This process, from 0.
        world_size: How many processes train.
        patches_per_case: As for :class:`PatchDataset`.
    """

    def __init__(
        self, length: int, seed: int, rank: int = 0, world_size: int = 1, *, patches_per_case: int = 1
    ) -> None:
        self.length = length
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.patches_per_case = patches_per_case
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning does at the start of each."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._cases() * self.patches_per_case

    def _cases(self) -> int:
        return -(-self.length // self.world_size)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return self.of_epoch(self.epoch)

    def of_epoch(self, epoch: int) -> Iterator[tuple[int, int]]:
        """This process's share of one epoch."""
        generator = np.random.default_rng(seed_for(self.seed, epoch, "shuffle"))
        order = generator.permutation(self.length)
        # Every rank must take equally many steps: the first cases of the order come again at its end.
        filled = np.resize(order, self._cases() * self.world_size)
        for index in filled[self.rank :: self.world_size]:
            for number in range(self.patches_per_case):
                yield epoch, int(index) + number * self.length
