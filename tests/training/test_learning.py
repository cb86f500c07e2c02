"""A short training learns: every region is above a floor, which exchanged tissues do not reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.cases import find_cases, read_case
from brats_seg.labels import LabelValues, encode_regions, label_values
from brats_seg.metrics.functional import dice
from brats_seg.phantom import write_cohort
from brats_seg.preprocessing import prepare
from brats_seg.preprocessing.normalise import normalisation_from
from brats_seg.terms import REGIONS
from brats_seg.training import train

BRATS = label_values("brats2020")
EXCHANGED = LabelValues("exchanged", necrosis=BRATS.oedema, oedema=BRATS.necrosis, enhancing=BRATS.enhancing)
FLOORS = {"a": {"ET": 0.5, "TC": 0.6, "WT": 0.6}, "b": {"ET": 0.5, "TC": 0.6, "WT": 0.6}}
"""Mean Dice over the cases that it was trained on, after a hundred steps."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("learning")
    write_cohort(root / "cohort", cases=4, seed=0, shape=(32, 40, 32))
    return root


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", ["a", "b"])
def test_a_hundred_steps_are_enough_for_a_phantom(
    config: Callable[..., DictConfig], cohort: Path, tmp_path: Path, pipeline: str
) -> None:
    constant = 12 if pipeline == "a" else 0
    steps = [f"schedule.constant_epochs={constant}", f"schedule.cosine_epochs={25 - constant}"]
    size = ["model.width=8", "data.patch=[32,32,32]", "data.batch_size=1"]
    what = [f"experiment=pipeline_{pipeline}", "fold=all", "keep=last"]
    trained = train(config(cohort, tmp_path, *size, *what, *steps))
    bundle = load_bundle(trained.folder.bundle)
    net = bundle.net().eval()
    found: dict[str, list[float]] = {region: [] for region in REGIONS}
    other: dict[str, list[float]] = {region: [] for region in REGIONS}
    for case in find_cases(cohort / "cohort"):
        loaded = read_case(case)
        assert loaded.label_map is not None
        prepared = prepare(loaded, normalisation_from(bundle.record["normalisation"]))
        sizes = [-size % 8 for size in prepared.image.shape[1:]]
        image = np.pad(prepared.image, [(0, 0), *((0, size) for size in sizes)])
        with torch.inference_mode():
            answer = (net(torch.from_numpy(image)[None], deep=False).main[0] > 0).numpy()
        z, y, x = prepared.image.shape[1:]
        truth = prepared.box.crop(loaded.label_map)
        for scores, values in ((found, BRATS), (other, EXCHANGED)):
            regions = encode_regions(truth, values)
            for region, ours, theirs in zip(REGIONS, answer[:, :z, :y, :x], regions, strict=True):
                scores[region].append(dice(ours, theirs))
    means = {region: float(np.mean(scores)) for region, scores in found.items()}
    assert all(means[region] >= floor for region, floor in FLOORS[pipeline].items()), means
    assert any(np.mean(other[region]) < floor for region, floor in FLOORS[pipeline].items())
