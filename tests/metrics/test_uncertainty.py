"""Uncertainty scores and calibration against their published formulas."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error

from brats_seg.metrics.uncertainty import (
    UncertaintyScores,
    calibration_bins,
    expected_calibration_error,
    uncertainty_scores,
)
from tests.metrics.golden_uncertainty import CASES, FILE, made

SHAPE = (7, 8, 9)
EPS = float(np.finfo(np.float32).eps)
EMPTY = np.zeros(SHAPE, bool)
BRAIN = ~EMPTY


def published(
    prediction: np.ndarray, truth: np.ndarray, uncertainty: np.ndarray, brain: np.ndarray, points: int
) -> tuple[float, float, float]:
    """QU-BraTS: for each threshold, forget what is above it."""
    thresholds = np.arange(0, 100 + EPS, 100 / points)
    curves: list[list[float]] = [[], [], []]
    for threshold in thresholds:
        sure = uncertainty <= threshold
        ours, theirs = prediction & sure, truth & sure
        size = ours.sum() + theirs.sum()
        curves[0].append(2 * (ours & theirs).sum() / size if size else 1.0)
        for curve, chosen in zip(
            curves[1:], (prediction & truth & brain, ~prediction & ~truth & brain), strict=True
        ):
            curve.append((chosen.sum() - (chosen & sure).sum()) / (chosen.sum() + EPS))
    dice, ftp, ftn = (np.trapezoid(curve, thresholds) / 100 for curve in curves)
    return dice, ftp, ftn


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("points", [40, 7])
def test_the_published_formulas_agree(seed: int, points: int) -> None:
    rng = np.random.default_rng(seed)
    prediction, truth, brain = rng.random((3, *SHAPE)) < np.reshape((0.3, 0.3, 0.9), (3, 1, 1, 1))
    uncertainty = rng.integers(0, 101, SHAPE).astype(np.uint8) if seed % 2 else rng.random(SHAPE) * 100
    found = uncertainty_scores(prediction, truth, uncertainty, brain, intervals=points)
    wanted = published(prediction, truth, uncertainty, brain, points)
    assert (found.dice_auc, found.ftp_auc, found.ftn_auc) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_the_program_says_the_same(name: str) -> None:
    case = made(name)
    values = {"WT": ("whole", (1, 2, 4)), "TC": ("core", (1, 4)), "ET": ("enhance", (4,))}
    for region, theirs in json.loads(FILE.read_text(encoding="utf-8"))[name].items():
        doubt, labels = values[region]
        masks = (np.isin(case[which], labels) for which in ("prediction", "truth"))
        found = uncertainty_scores(*masks, case[doubt], case["brain"] > 0, intervals=CASES[name])
        assert (found.dice_auc, found.ftp_auc, found.ftn_auc) == pytest.approx(theirs, abs=1e-6), region


def test_golden_cases() -> None:
    some = EMPTY.copy()
    some[2:5, 2:5, 2:5] = True
    sure, unsure = np.zeros(SHAPE), np.full(SHAPE, 100.0)
    assert uncertainty_scores(some, some, sure, BRAIN, intervals=40) == UncertaintyScores(1, 0, 0)
    assert uncertainty_scores(EMPTY, EMPTY, sure, BRAIN, intervals=40) == UncertaintyScores(1, 0, 0)
    assert uncertainty_scores(some, EMPTY, sure, BRAIN, intervals=40) == UncertaintyScores(0, 0, 0)
    # All is filtered but at the last of 41 thresholds: half an interval is left of each curve.
    assert uncertainty_scores(some, some, unsure, BRAIN, intervals=40) == UncertaintyScores(
        1, 1 - 1 / 80, 1 - 1 / 80
    )
    right = uncertainty_scores(some, EMPTY, 100.0 * some, BRAIN, intervals=40)  # unsure where it is wrong
    assert right.dice_auc == pytest.approx(1 - 1 / 80)
    assert (right.ftp_auc, right.ftn_auc) == (0, 0)
    assert right.score > uncertainty_scores(some, EMPTY, 100.0 * ~some, BRAIN, intervals=40).score


def test_torchmetrics_agrees_on_calibration() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(5000).astype(np.float32)
    probability[:4] = (0, 1, 0.2, 0.6)
    truth = rng.random(5000) < probability**2
    found = expected_calibration_error(calibration_bins(probability, truth, 15))
    wanted = binary_calibration_error(
        torch.from_numpy(probability), torch.from_numpy(truth).int(), n_bins=15, norm="l1"
    )
    assert found == pytest.approx(wanted.item(), abs=1e-6)


def test_cases_add_up() -> None:
    rng = np.random.default_rng(0)
    probability, truth = rng.random(1000), rng.random(1000) < 0.5
    halves = [calibration_bins(probability[part], truth[part], 10) for part in (slice(500), slice(500, None))]
    assert np.sum(halves, axis=0) == pytest.approx(calibration_bins(probability, truth, 10))


def test_no_voxel_has_no_calibration() -> None:
    assert expected_calibration_error(calibration_bins(np.zeros(0), np.zeros(0, bool), 10)) is None
