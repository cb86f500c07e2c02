"""Samples of a data set as batches, and how many processes read them."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from brats_seg.data.dataset import EpochSampler, Sample, WholeDataset
from brats_seg.terms import Batch

MOST_WORKERS = 8
"""A patch is read in milliseconds (``benchmarks/data.py``), so that more processes would only wait."""
AHEAD = 2
"""Batches that a process reads ahead, torch's default."""
BYTES_PER_VOXEL = 4 * 2 + 3
"""Four float16 channels and three bool regions."""
GIB = 2**30
SHARED_MEMORY = Path("/dev/shm")
"""Where processes leave their batches; Docker gives 64 MB of it unless it is told otherwise."""


class EndlessLoader:
    """One epoch at a time, from processes that meanwhile read the next one.

    A loader that starts again in every epoch lets a GPU wait for its first batches.

    Args:
        dataset: Its samples are functions of (epoch, index), so that reading ahead changes nothing.
        sampler: Lightning sets its epoch.
        batch_size: Samples of a batch; the last one of an epoch may have fewer.
        options: Of :func:`reading`.
    """

    def __init__(
        self, dataset: Dataset[Any], sampler: EpochSampler, batch_size: int, options: Mapping[str, Any]
    ) -> None:
        self.sampler = sampler
        self.batch_size = batch_size
        self.batches = DataLoader(
            dataset,
            batch_sampler=EpochAfterEpoch(sampler, batch_size),
            **options,
        )
        self._running: Iterator[Any] = iter(())
        self._next_epoch: int | None = None

    def __len__(self) -> int:
        return -(-len(self.sampler) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        epoch = self.sampler.epoch
        if epoch != self._next_epoch:
            self._running = iter(self.batches)
        for number in range(1, len(self) + 1):
            batch = next(self._running)
            # An epoch that is left early does not go on: the next one starts the processes again.
            self._next_epoch = epoch + 1 if number == len(self) else None
            yield batch


class EpochAfterEpoch(Sampler[list[tuple[int, int]]]):
    """Batches of the sampler's epoch, then of all later ones; no batch spans two epochs.

    Args:
        sampler: Gives the keys of one epoch.
        batch_size: Keys of a batch.
    """

    def __init__(self, sampler: EpochSampler, batch_size: int) -> None:
        self.sampler = sampler
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for epoch in itertools.count(self.sampler.epoch):
            keys = list(self.sampler.of_epoch(epoch))
            for start in range(0, len(keys), self.batch_size):
                yield keys[start : start + self.batch_size]


def whole_loader(dataset: WholeDataset, options: Mapping[str, Any]) -> DataLoader[Sample]:
    """Whole brains, one at a time; its processes outlive an epoch.

    Args:
        dataset: The brains.
        options: Of :func:`reading`.
    """
    return DataLoader(dataset, batch_size=1, persistent_workers=options["num_workers"] > 0, **options)


def reading(workers: int, batch_voxels: int, *, on_gpu: bool) -> dict[str, Any]:
    """Who reads: processes for a GPU; on a CPU the network needs the cores more than the loader.

    Args:
        workers: Most processes.
        batch_voxels: Of the largest batch, over all its samples.
        on_gpu: Whether the network is on a GPU.

    Returns:
        Options of ``DataLoader``.
    """
    processes = _fitting(min(workers, MOST_WORKERS), batch_voxels * BYTES_PER_VOXEL) if on_gpu else 0
    return {"num_workers": processes, "pin_memory": on_gpu, "collate_fn": collate}


def _fitting(wanted: int, batch_bytes: int) -> int:
    """As many processes as shared memory has room for; a line says so where it is fewer than wanted."""
    if not SHARED_MEMORY.exists():
        return wanted
    free = shutil.disk_usage(SHARED_MEMORY).free
    # Half of it: the other loader, for training or validation, has its own batches there.
    each = 2 * AHEAD * batch_bytes
    fitting = min(wanted, free // each)
    if fitting < wanted:
        print(
            f"{SHARED_MEMORY} has {free / GIB:.2f} GiB, room for {fitting} of {wanted} loader processes: "
            f"in a container give --shm-size={math.ceil(each * wanted / GIB)}g",
            flush=True,
        )
    return fitting


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples of one size to a batch."""
    images, targets, ids = zip(*samples, strict=True)
    return Batch(torch.stack(images), torch.stack(targets), list(ids))
