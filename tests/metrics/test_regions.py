"""Dice per region over cases, as torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from brats_seg.metrics.functional import dice
from brats_seg.metrics.regions import RegionDice


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    found = [torch.rand((2, size, 3, 5, 6, 7), generator=generator) < 0.3 for size in (1, 3, 2)]
    found[1][:, 0, 0] = False  # empty in both
    found[1][0, 1, 2] = False  # empty in one
    return [(prediction, target) for prediction, target in found]


def by_case(region: int) -> float:
    return float(
        np.mean(
            [
                dice(p[region].numpy(), t[region].numpy())
                for a, b in batches()
                for p, t in zip(a, b, strict=True)
            ]
        )
    )


def test_it_is_the_mean_over_cases_whatever_the_batches() -> None:
    metric = RegionDice()
    for prediction, target in batches():
        metric.update(prediction, target)
    assert metric.compute().tolist() == pytest.approx([by_case(region) for region in range(3)])


def test_states_are_sums_so_processes_add_up() -> None:
    one, other, whole = RegionDice(), RegionDice(), RegionDice()
    for i, batch in enumerate(batches()):
        (one, other)[i % 2].update(*batch)
        whole.update(*batch)
    gathered = {name: [getattr(one, name), getattr(other, name)] for name in ("total", "cases")}
    for name, parts in gathered.items():
        assert one._reductions[name](torch.stack(parts)).tolist() == pytest.approx(
            getattr(whole, name).tolist()
        )


def test_resetting_forgets() -> None:
    metric = RegionDice()
    metric.update(*batches()[0])
    metric.reset()
    metric.update(*batches()[1])
    other = RegionDice()
    other.update(*batches()[1])
    assert torch.equal(metric.compute(), other.compute())
