"""Samples of a data set as batches.

Covered by tests/data/test_base.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader

from brats_seg.data.dataset import PatchDataset, Sample, WholeDataset
from brats_seg.terms import Batch

MOST_WORKERS = 8
"""A patch is read in milliseconds (``benchmarks/data.py``), so that more processes would only wait."""


def make_loader(
    dataset: PatchDataset | WholeDataset, *, workers: int, on_gpu: bool, **options: Any
) -> DataLoader[Sample]:
    """A loader, with worker processes on a GPU; on a CPU the network needs the cores more than the loader.

    Args:
        dataset: Gives the samples.
        workers: Most processes.
        on_gpu: Whether the network is on a GPU.
        **options: Of ``DataLoader``: batch size, sampler.

    Returns:
        A loader of :class:`brats_seg.terms.Batch`.
    """
    processes = min(workers, MOST_WORKERS) if on_gpu else 0
    return DataLoader(
        dataset,
        num_workers=processes,
        persistent_workers=processes > 0,
        pin_memory=on_gpu,
        collate_fn=collate,
        **options,
    )


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples of one size to a batch."""
    images, targets, ids = zip(*samples, strict=True)
    return Batch(torch.stack(images), torch.stack(targets), list(ids))
