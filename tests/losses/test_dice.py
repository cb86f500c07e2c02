"""The Dice losses against MONAI's and against the formula."""

from __future__ import annotations

import pytest
import torch
from monai.losses.dice import DiceLoss as MonaiDice

from brats_seg.losses import DeepSupervisionLoss, DiceLoss
from brats_seg.terms import Logits


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 3, 6, 7, 8, generator=generator), (
        torch.rand(3, 3, 6, 7, 8, generator=generator) > 0.7
    ).float()


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("samples", [1, 3])
def test_equals_monai_where_the_formulas_coincide(
    pair: tuple[torch.Tensor, torch.Tensor], squared: bool, samples: int
) -> None:
    logits, target = (t[:samples] for t in pair)
    monai = MonaiDice(sigmoid=True, squared_pred=squared, batch=True, smooth_nr=1.0, smooth_dr=1.0)
    torch.testing.assert_close(DiceLoss(squared=squared, smooth=1.0)(logits, target), monai(logits, target))


@pytest.mark.parametrize("squared", [True, False])
def test_perfect_and_empty(squared: bool) -> None:
    loss = DiceLoss(squared=squared, smooth=1.0)
    target = torch.zeros(1, 3, 4, 4, 4)
    assert loss(torch.full_like(target, -50.0), target) == pytest.approx(0, abs=1e-6)
    target[..., 2:] = 1
    assert loss((target * 2 - 1) * 50, target) == pytest.approx(0, abs=1e-6)
    assert loss((1 - target * 2) * 50, target) == pytest.approx(1 - 1 / 65, abs=1e-4)


def test_case_losses_are_those_of_each_sample_alone(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    loss = DiceLoss(squared=True, smooth=1.0)
    alone = torch.stack([loss(x[None], t[None]) for x, t in zip(*pair, strict=True)])
    torch.testing.assert_close(loss.case_losses(*pair), alone)


def test_half_precision_logits_are_summed_in_single(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, target = pair
    loss = DiceLoss(squared=False, smooth=1.0)
    result = loss(logits.half(), target)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, loss(logits.half().float(), target))


def test_deep_supervision_is_the_unweighted_sum(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, target = pair
    dice = DiceLoss(squared=True, smooth=1.0)
    heads = Logits(logits, tuple(logits * k for k in (0.5, 2.0, -1.0, 3.0)))
    expected = dice(logits, target) + sum(dice(head, target) for head in heads.deep)
    loss = DeepSupervisionLoss(dice)
    torch.testing.assert_close(loss(heads, target), expected)
    assert list(loss.parts(heads, target)) == ["main", "deep_0", "deep_1", "deep_2", "deep_3"]


def test_gradient_is_right(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    target = pair[1][:2, :, :2, :2, :2].double()

    def in_double(logits: torch.Tensor) -> torch.Tensor:
        p = logits.sigmoid()
        space = (0, 2, 3, 4)
        return (
            1 - ((2 * (p * target).sum(space) + 1) / (p.square().sum(space) + target.sum(space) + 1)).mean()
        )

    logits = pair[0][:2, :, :2, :2, :2].double().requires_grad_()
    (expected,) = torch.autograd.grad(in_double(logits), logits)
    (found,) = torch.autograd.grad(DiceLoss(squared=True, smooth=1.0)(logits, target), logits)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


def test_cross_entropy_of_each_region_is_added_by_its_weight(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, target = pair
    loss = DiceLoss(squared=False, smooth=1.0, cross_entropy=0.5)
    dice = DiceLoss(squared=False, smooth=1.0)
    p = logits.double().sigmoid()
    entropy = -(target * p.log() + (1 - target) * (1 - p).log()).mean()
    torch.testing.assert_close(loss(logits, target), dice(logits, target) + 0.5 * entropy.float())
    alone = torch.stack([loss(x[None], t[None]) for x, t in zip(*pair, strict=True)])
    torch.testing.assert_close(loss.case_losses(*pair), alone)
    assert loss(logits.half(), target).dtype == torch.float32
    none = DiceLoss(squared=False, smooth=1.0, cross_entropy=0.0)
    torch.testing.assert_close(none(logits, target), dice(logits, target))


def test_a_missed_region_has_more_gradient_with_cross_entropy() -> None:
    target = torch.zeros(1, 3, 8, 8, 8)
    target[:, :, 4, 4, 4] = 1
    steepness = []
    for loss in (
        DiceLoss(squared=False, smooth=1.0),
        DiceLoss(squared=False, smooth=1.0, cross_entropy=1.0),
    ):
        logits = torch.full_like(target, -6.0, requires_grad=True)
        (gradient,) = torch.autograd.grad(loss(logits, target), logits)
        steepness.append(float(gradient[0, 0, 4, 4, 4].abs()))
    assert steepness[1] > steepness[0]


def test_a_loss_that_knows_no_samples_is_called_for_each(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, target = pair
    found = DeepSupervisionLoss(torch.nn.MSELoss()).case_losses(logits, target)
    assert torch.allclose(found, ((logits - target) ** 2).flatten(1).mean(1))
