"""Laws of the augmentation of section 2.4, as PAPER.md decides it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from brats_seg.augment import Augmentation, Draw
from brats_seg.errors import UserError

A: dict[str, Any] = {
    "flip": 0.8,
    "rescale": 0.8,
    "rescale_range": (0.9, 1.1),
    "shift": 0.2,
    "shift_range": (-0.1, 0.1),
    "noise": 0.8,
    "noise_sd": 0.1,
    "noise_unit": "channel_sd",
    "drop": 0.16,
    "rotate": 0.0,
    "rotate_degrees": 15.0,
    "zoom": 0.0,
    "zoom_range": (0.8, 1.25),
    "gamma": 0.0,
    "gamma_range": (0.7, 1.5),
    "blur": 0.0,
    "blur_range": (0.5, 1.0),
    "low_resolution": 0.0,
    "low_resolution_range": (0.5, 1.0),
}
NEVER = {**A, "flip": 0.0, "rescale": 0.0, "shift": 0.0, "noise": 0.0, "drop": 0.0}
OURS = ("rotate", "zoom", "gamma", "blur", "low_resolution")
ALWAYS: dict[str, Any] = {**A, **dict.fromkeys(OURS, 1.0)}


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, 4, 5, 6, 7, generator=generator), (
        torch.rand(3, 3, 5, 6, 7, generator=generator) > 0.5
    ).float()


def test_probability_zero_is_identity(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    image, target = Augmentation(**NEVER)(*batch, [1, 2, 3])
    assert image.equal(batch[0])
    assert target.equal(batch[1])


def test_a_pure_function_of_the_seeds_that_leaves_its_input(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    before = [t.clone() for t in batch]
    first, second = (Augmentation(**ALWAYS)(*batch, [4, 5, 6]) for _ in range(2))
    assert all(x.equal(y) for x, y in zip(first, second, strict=True))
    assert all(x.equal(y) for x, y in zip(batch, before, strict=True))
    assert not Augmentation(**ALWAYS)(*batch, [7, 8, 9])[0].equal(first[0])


def test_what_the_paper_has_not_changes_no_draw_of_what_it_has() -> None:
    for seed in range(20):
        mine = Augmentation(**ALWAYS).draw(seed)
        assert None not in (mine.motion, mine.gamma, mine.blur, mine.resolution)
        plain = replace(mine, motion=None, gamma=None, blur=None, resolution=None)
        assert plain == Augmentation(**A).draw(seed)


def test_noise_is_relative_to_the_deviation_of_the_channel_s_non_zero_voxels() -> None:
    generator = torch.Generator().manual_seed(1)
    image = (
        torch.rand(4, 24, 24, 24, generator=generator)
        * torch.tensor([1.0, 5.0, 0.2, 0.0])[:, None, None, None]
    )
    image[:, 12:] = 0
    target = torch.zeros(3, 24, 24, 24)
    draw = Draw((1,), (2.0, 2.0, 2.0, 2.0), None, 5, None)
    noisy = Augmentation(**A).apply(image, target, draw)[0] - 2 * image.flip(2)
    for channel, noise in zip(image[:3], noisy[:3], strict=True):
        assert float(noise.std()) == pytest.approx(0.1 * float(channel[channel != 0].std()), rel=0.03)
    assert not noisy[3].any()  # a channel of zeros
    absolute = Augmentation(**{**A, "noise_unit": "intensity"})
    assert float((absolute.apply(image, target, draw)[0] - 2 * image.flip(2)).std()) == pytest.approx(
        0.1, rel=0.03
    )


def test_batched_equals_one_by_one(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    augment = Augmentation(**ALWAYS)
    together = augment(*batch, [4, 5, 6])
    singles = [augment(batch[0][k : k + 1], batch[1][k : k + 1], [seed]) for k, seed in enumerate((4, 5, 6))]
    for whole, parts in zip(together, zip(*singles, strict=True), strict=True):
        assert whole.equal(torch.cat(parts))


def test_flips_move_image_and_target_together(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    image, target = batch[0][0], batch[1][0]
    moved = Augmentation(**A).apply(image, target, Draw((0, 2), None, None, None, None))
    assert moved[0].equal(image.flip(1, 3))
    assert moved[1].equal(target.flip(1, 3))


def test_order_is_rescale_shift_noise_drop_and_background_is_included() -> None:
    image, target = torch.full((4, 8, 8, 8), 2.0), torch.zeros(3, 8, 8, 8)
    image[:, 0] = 0
    out, _ = Augmentation(**A).apply(
        image, target, Draw((), (0.9, 1.0, 1.1, 1.0), (0.1, -0.1, 0.0, 0.05), None, 3)
    )
    assert torch.allclose(out[:3, 1], torch.tensor([1.9, 1.9, 2.2])[:, None, None].expand(3, 8, 8))
    assert torch.allclose(out[:3, 0, 0, 0], torch.tensor([0.1, -0.1, 0.0]))
    assert not out[3].any()
    absolute = Augmentation(**{**A, "noise_unit": "intensity"})
    noisy, _ = absolute.apply(image, target, Draw((), None, None, 5, None))
    assert (noisy - image).std() == pytest.approx(0.1, rel=0.05)
    assert (noisy - image)[:, 0].std() > 0.05


def test_frequencies_and_ranges() -> None:
    draws = [Augmentation(**A).draw(seed) for seed in range(3000)]
    share = lambda hits: sum(hits) / len(draws)  # noqa: E731
    for axis in range(3):
        assert share(axis in d.flips for d in draws) == pytest.approx(0.8, abs=0.03)
    assert share(d.scale is not None for d in draws) == pytest.approx(0.8, abs=0.03)
    assert share(d.shift is not None for d in draws) == pytest.approx(0.2, abs=0.03)
    assert share(d.noise_seed is not None for d in draws) == pytest.approx(0.8, abs=0.03)
    assert share(d.dropped is not None for d in draws) == pytest.approx(0.16, abs=0.03)
    factors = torch.tensor([d.scale for d in draws if d.scale is not None])
    assert factors.min() >= 0.9
    assert factors.max() <= 1.1
    assert factors.mean(0).sub(1).abs().max() < 0.01
    assert torch.corrcoef(factors.T).fill_diagonal_(0).abs().max() < 0.1
    both = share(d.scale is not None and d.noise_seed is not None for d in draws)
    assert both == pytest.approx(0.64, abs=0.03)  # its own coin each
    assert {d.dropped for d in draws} == {None, 0, 1, 2, 3}


def test_impossible_probability() -> None:
    with pytest.raises(UserError, match=r"augmentation\.drop=1\.2"):
        Augmentation(**{**A, "drop": 1.2})


@pytest.mark.parametrize(
    ("name", "bounds"),
    [("zoom_range", (0.0, 1.0)), ("blur_range", (-1.0, 1.0)), ("low_resolution_range", (0.5, 1.5))],
)
def test_impossible_range(name: str, bounds: tuple[float, float]) -> None:
    with pytest.raises(UserError, match=rf"augmentation\.{name}=\["):
        Augmentation(**{**A, name: bounds})
