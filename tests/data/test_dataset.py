"""Patches are pure functions of (seed, epoch, case); ranks share the cases; nothing is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brats_seg.data.dataset import EpochSampler, PatchDataset, WholeDataset
from brats_seg.geometry import Box
from brats_seg.preprocessing import CachedCase


@pytest.fixture
def case(tmp_path: Path) -> CachedCase:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "image.npy", rng.normal(size=(4, 20, 30, 13)).astype(np.float16))
    np.save(tmp_path / "depth.npy", rng.integers(0, 4, (20, 30, 13)).astype(np.uint8))
    return CachedCase("case", tmp_path, Box((1, 2, 3), (21, 32, 16)), (40, 40, 40))


def test_patch_is_a_pure_function_of_seed_epoch_and_case(case: CachedCase) -> None:
    a, b = (PatchDataset([case], (16, 16, 16), seed=7) for _ in range(2))
    for epoch in range(5):
        for x, y in zip(a[epoch, 0][:2], b[epoch, 0][:2], strict=True):
            assert x.equal(y)
    patches = [a[epoch, 0][0] for epoch in range(8)]
    assert any(not p.equal(patches[0]) for p in patches[1:])
    assert not PatchDataset([case], (16, 16, 16), seed=8)[0, 0][0].equal(patches[0])


def test_patch_is_a_window_of_the_case_with_zeros_around(case: CachedCase) -> None:
    for epoch in range(20):
        image, target, name = PatchDataset([case], (16, 16, 16), seed=1)[epoch, 0]
        assert image.shape == (4, 16, 16, 16)
        assert target.shape == (3, 16, 16, 16)
        assert name == "case"
        filled = np.flatnonzero(image.numpy().any(axis=(0, 1, 2)))
        assert len(filled) == 13  # the narrow axis is padded, never cut
        inner = image.numpy()[..., filled[0] : filled[-1] + 1]
        whole = case.image()
        assert any(
            np.array_equal(inner, whole[:, z : z + 16, y : y + 16]) for z in range(5) for y in range(15)
        )


def test_regions_are_nested_and_follow_the_depth(case: CachedCase) -> None:
    depth, regions = np.load(case.folder / "depth.npy"), case.regions()
    assert np.array_equal(regions.sum(0), depth)
    assert (regions[0] <= regions[1]).all()
    assert (regions[1] <= regions[2]).all()
    window = Box((2, 3, 4), (9, 11, 12))
    assert np.array_equal(case.regions(window), window.crop(regions))
    assert np.array_equal(case.image(window), window.crop(case.image()))


def test_whole_brain_is_padded_at_the_end(case: CachedCase) -> None:
    image, target, _ = WholeDataset([case], 8)[0]
    assert image.shape == (4, 24, 32, 16)
    assert target.shape == (3, 24, 32, 16)
    assert np.array_equal(image[:, :20, :30, :13].numpy(), case.image())
    assert not image[:, 20:].any()


@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_share_every_case_in_equal_steps(world: int) -> None:
    samplers = [EpochSampler(10, seed=3, rank=r, world_size=world) for r in range(world)]
    shares = [[index for _, index in s] for s in samplers]
    assert len({len(s) for s in shares}) == 1
    assert {i for s in shares for i in s} == set(range(10))
    for sampler in samplers:
        sampler.set_epoch(1)
    assert [[i for _, i in s] for s in samplers] != shares
    assert all(epoch == 1 for s in samplers for epoch, _ in s)
