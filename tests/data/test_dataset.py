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


@pytest.fixture
def speck(tmp_path: Path) -> CachedCase:
    """One voxel of ET, eight of TC, many of WT."""
    depth = np.zeros((40, 40, 40), np.uint8)
    depth[20:35, 5:20, 20:35] = 1
    depth[30:32, 8:10, 30:32] = 2
    depth[31, 9, 31] = 3
    np.save(tmp_path / "image.npy", np.zeros((4, 40, 40, 40), np.float16))
    np.save(tmp_path / "depth.npy", depth)
    return CachedCase("case", tmp_path, Box((0, 0, 0), (40, 40, 40)), (40, 40, 40))


def test_centred_patches_see_each_region_equally_often(speck: CachedCase) -> None:
    def share(probability: float) -> float:
        dataset = PatchDataset([speck], (8, 8, 8), seed=3, tumour_centred=probability)
        middles = [dataset[epoch, 0][1][:, 4, 4, 4] for epoch in range(150)]
        return sum(int(middle[0]) for middle in middles) / len(middles)

    assert share(0.0) == 0
    assert share(1.0) == pytest.approx(1 / 3 + 1 / 3 / 8, abs=0.1)
    assert share(0.5) == pytest.approx(share(1.0) / 2, abs=0.1)


def test_a_case_without_tumour_has_no_centre(speck: CachedCase) -> None:
    np.save(speck.folder / "depth.npy", np.zeros((40, 40, 40), np.uint8))
    assert not PatchDataset([speck], (8, 8, 8), seed=3, tumour_centred=1.0)[0, 0][1].any()


def test_the_first_of_several_patches_is_the_only_one_of_before(case: CachedCase) -> None:
    one = PatchDataset([case, case], (16, 16, 16), seed=7)
    three = PatchDataset([case, case], (16, 16, 16), seed=7, patches_per_case=3)
    assert len(three) == 6
    patches = [three[4, 1 + 2 * number][0] for number in range(3)]
    assert patches[0].equal(one[4, 1][0])
    assert not patches[1].equal(patches[0])
    assert not patches[2].equal(patches[1])


def test_patches_of_a_case_follow_one_another_in_the_order_of_before() -> None:
    once = [index for _, index in EpochSampler(10, seed=3)]
    sampler = EpochSampler(10, seed=3, patches_per_case=2)
    thrice = [index for _, index in sampler]
    assert len(sampler) == len(thrice) == 20
    assert thrice[::2] == once
    assert thrice[1::2] == [index + 10 for index in once]
