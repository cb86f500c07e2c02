"""What a GPU waits for: batches of the next epoch are read while this one ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from brats_seg.data import loader
from brats_seg.data.dataset import EpochSampler, PatchDataset
from brats_seg.data.loader import EndlessLoader, collate, reading
from brats_seg.geometry import Box
from brats_seg.preprocessing import CachedCase
from brats_seg.terms import Batch

CASES = 5


class Keys(PatchDataset):
    """The key and the process that read it in the place of voxels."""

    def __init__(self) -> None: ...

    def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor, str]:
        epoch, index = key
        return torch.tensor([epoch, index]), torch.tensor(os.getpid()), f"{epoch}.{index}"


def endless(workers: int, batch_size: int = 2, epoch: int = 0) -> EndlessLoader:
    options = {"num_workers": workers, "pin_memory": False, "collate_fn": collate}
    sampler = EpochSampler(CASES, seed=0)
    sampler.set_epoch(epoch)
    return EndlessLoader(Keys(), sampler, batch_size, options)


def epoch_of(loader: EndlessLoader, epoch: int) -> list[Batch]:
    """As Lightning takes it: so many batches as it is long, and no question for one more."""
    loader.sampler.set_epoch(epoch)
    batches: Iterator[Batch] = iter(loader)
    return [next(batches) for _ in range(len(loader))]


def keys(batches: list[Batch]) -> list[list[list[int]]]:
    return [batch.image.tolist() for batch in batches]


@pytest.mark.parametrize("workers", [0, 2])
def test_every_epoch_is_as_from_a_loader_of_its_own(workers: int) -> None:
    running = endless(workers)
    assert len(running) == 3
    for epoch in (0, 1, 2, 7):
        found = keys(epoch_of(running, epoch))
        assert found == keys(epoch_of(endless(0, epoch=epoch), epoch))
        assert {key[0] for batch in found for key in batch} == {epoch}
        assert sorted(key[1] for batch in found for key in batch) == list(range(CASES))
        assert [len(batch) for batch in found] == [2, 2, 1]


def test_an_epoch_that_is_left_early_begins_anew() -> None:
    running = endless(2)
    next(iter(running))
    assert keys(epoch_of(running, 0)) == keys(epoch_of(endless(0), 0))
    assert keys(epoch_of(running, 1)) == keys(epoch_of(endless(0), 1))


def test_processes_outlive_an_epoch() -> None:
    running = endless(1)
    readers = [{int(process) for batch in epoch_of(running, k) for process in batch.target} for k in range(3)]
    assert readers[0] == readers[1] == readers[2] != {os.getpid()}


@pytest.mark.parametrize(("free_mib", "expected"), [(4000, 8), (1000, 5), (64, 0)])
def test_shared_memory_bounds_the_processes(
    free_mib: int, expected: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loader.shutil, "disk_usage", lambda path: SimpleNamespace(free=free_mib * 2**20))
    monkeypatch.setattr(loader, "SHARED_MEMORY", Path("/"))
    found = reading(99, 2 * 128**3, on_gpu=True)["num_workers"]
    said = capsys.readouterr().out
    assert found == expected
    assert said.count("\n") == (expected < 8)
    assert ("--shm-size=2g" in said) == (expected < 8)
    assert reading(99, 2 * 128**3, on_gpu=False)["num_workers"] == 0


def test_real_patches_come_the_same_way(tmp_path: Path) -> None:
    cases = []
    for name in "ab":
        folder = tmp_path / name
        folder.mkdir()
        np.save(folder / "image.npy", np.random.default_rng(0).random((4, 9, 9, 9)).astype(np.float16))
        np.save(folder / "depth.npy", np.ones((9, 9, 9), np.uint8))
        cases.append(CachedCase(name, folder, Box((0, 0, 0), (9, 9, 9)), (9, 9, 9)))
    dataset, sampler = PatchDataset(cases, (8, 8, 8), seed=0), EpochSampler(2, seed=0)
    options = reading(4, 8**3, on_gpu=False)
    found = epoch_of(EndlessLoader(dataset, sampler, 1, options), 3)
    for batch, key in zip(found, sampler.of_epoch(3), strict=True):
        assert batch.image[0].equal(dataset[key][0])


def test_a_batch_stacks_its_cases() -> None:
    one = (torch.zeros(4, 2, 2, 2), torch.zeros(3, 2, 2, 2, dtype=torch.bool), "a")
    other = (torch.ones(4, 2, 2, 2), torch.ones(3, 2, 2, 2, dtype=torch.bool), "b")
    batch = collate([one, other])
    assert batch.case_ids == ["a", "b"]
    assert batch.image.shape == (2, 4, 2, 2, 2)
    assert batch.target[1].all() and not batch.target[0].any()


def test_where_no_shared_memory_is_told_nothing_bounds_the_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(loader, "SHARED_MEMORY", tmp_path / "none")
    assert reading(3, 2 * 128**3, on_gpu=True)["num_workers"] == 3
