"""Each experiment, as composed, is the paper's.

Henry et al. 2020, "Brain tumor segmentation with self-ensembled, deeply-supervised 3D U-net neural networks:
a BraTS 2020 challenge solution". Every row cites its section; "decided" marks what the paper leaves open,
with the reason in docs/paper.md.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from brats_seg.data import BraTSDataModule
from brats_seg.schedules import cosine_decay
from brats_seg.training.config import build, load_config
from brats_seg.training.trainer import epochs

A, B = "pipeline_a", "pipeline_b"
EXPERIMENTS = (A, "pipeline_a_attention", "pipeline_a_filtered", B)

COMMON = {
    # 2.2: "a smoothing factor (set to 1 in our experiment)".
    "loss.smooth": 1.0,
    # 2.1: "48 for stage 1"; the other stages double it.
    "model.width": 48,
    # Section 4 tells of short additive connections as tried without gain; dropout is not in the paper.
    "model.residual": False,
    "model.dropout": 0.0,
    # 2.3: "randomly re-cropped to a fixed patch size of 128x128x128".
    "data.patch": (128, 128, 128),
    # 2.4: "a factor uniformly sampled between 0.9 and 1.1"; "a standard deviation of 0.1".
    "augmentation.rescale_range": (0.9, 1.1),
    "augmentation.noise_sd": 0.1,
    # Of what, the paper does not say: decided.
    "augmentation.noise_unit": "channel_sd",
    # Not the paper's.
    **dict.fromkeys(
        [f"augmentation.{name}" for name in ("rotate", "zoom", "gamma", "blur", "low_resolution")], 0
    ),
    # Decided: where the heads start.
    "model.head_std": 0.01,
    "model.head_bias": -2.0,
    # 2.5: "a five-fold cross-validation".
    "data.folds": 5,
    # 2.5: "an initial learning rate of 1e-4" in both pipelines; "no weight decay".
    "optimizer.lr": 1e-4,
    "optimizer.weight_decay": 0.0,
    # Not in the paper.
    "trainer.gradient_clip_val": None,
    "trainer.accumulate_grad_batches": 1,
}
OF_A = {
    **COMMON,
    # 2.2, equation 2: the denominator sums squares.
    "loss.squared": True,
    # 2.1: "Group normalization (A)".
    "model.norm": "group",
    "model.attention": False,
    # 2.3: "Min-max scaling ..., after clipping all intensity values to the 1 and 99 percentiles".
    "normalisation": {"name": "min_max", "lower_percentile": 1, "upper_percentile": 99},
    # 2.4: "A: 80% probability"; shift "not performed"; drop "A: 16% probability"; flip "A: 80%".
    # The noise's probability is decided.
    "augmentation.rescale": 0.8,
    "augmentation.shift": 0.0,
    "augmentation.noise": 0.8,
    "augmentation.drop": 0.16,
    "augmentation.flip": 0.8,
    # 2.5: "A batch size of 1 and the Ranger optimizer were used"; its numbers are its authors' and decided.
    "data.batch_size": 1,
    "optimizer.name": "Ranger",
    "optimizer.betas": [0.95, 0.999],
    "optimizer.eps": 1e-5,
    "optimizer.k": 6,
    "optimizer.alpha": 0.5,
    "optimizer.use_gc": True,
    # 2.5: "trained for 200 epochs ... progressively reduced by a cosine decay after 100 epochs".
    "schedule.constant_epochs": 100,
    "schedule.cosine_epochs": 100,
    # 2.5: "restored to half of its initial value (5e-5), and training was done for another 30 epochs with
    # cosine decay. Every 3 epochs, the model weights were saved. This ... was repeated 5 times", by Adam.
    "swa.cycles": 5,
    "swa.cycle_epochs": 30,
    "swa.cosine_epochs": 30,
    "swa.rate_factor": 0.5,
    "swa.snapshot_every": 3,
    "swa.count_base": False,
    "swa.optimizer": "Adam",
    "epochs": 350,
    # 2.5: "the saved weights were averaged"; validation "only used to monitor", every third epoch: decided.
    "keep": "last",
    "trainer.check_val_every_n_epoch": 3,
    "filtered": False,
}
OF_B = {
    **COMMON,
    # 2.2: "the pipeline B used a slightly different formulation ..., without squaring".
    "loss.squared": False,
    # 2.1: "Instance normalization (B)".
    "model.norm": "instance",
    "model.attention": False,
    # 2.3: "Pipeline B performed a z-score normalization of the non-zero voxels".
    "normalisation": {"name": "z_score"},
    # 2.4: "B: 20%"; shift "between -0.1 and 0.1"; drop "B: not performed"; flip "B: 50%".
    "augmentation.rescale": 0.2,
    "augmentation.shift": 0.2,
    "augmentation.shift_range": (-0.1, 0.1),
    "augmentation.noise": 0.2,
    "augmentation.drop": 0.0,
    "augmentation.flip": 0.5,
    # 2.5: "A batch size of 3 and Adam optimizer".
    "data.batch_size": 3,
    "optimizer.name": "Adam",
    "optimizer.betas": (0.9, 0.999),
    "optimizer.eps": 1e-8,
    # 2.5: "The maximum number of training iterations was set to 400", read as epochs; "Cosine annealing".
    "schedule.constant_epochs": 0,
    "schedule.cosine_epochs": 400,
    "swa.cycles": 0,
    "epochs": 400,
    # 2.5: "The best model kept was the one with the lowest loss value on the validation set".
    "keep": "best",
    "trainer.check_val_every_n_epoch": 1,
    "filtered": False,
}
PAPER: dict[str, dict[str, Any]] = {
    A: OF_A,
    # 2.1: "the Convolutional Block Attention Module added at the end of each encoder stage".
    "pipeline_a_attention": {**OF_A, "model.attention": True},
    # 2.6: flagged cases were "removed from the complete training set".
    "pipeline_a_filtered": {**OF_A, "filtered": True},
    B: OF_B,
}


@cache
def composed(experiment: str) -> DictConfig:
    return load_config([f"experiment={experiment}", "data.root=nowhere"])


@cache
def made(experiment: str) -> dict[str, Any]:
    """What the experiment's parts say of themselves, not its configuration: a key may be read by nobody."""
    config = composed(experiment)
    data: BraTSDataModule = build(config.data)
    loss = build(config.loss)
    optimizer = build(config.optimizer)([torch.nn.Parameter(torch.zeros(2, 2))])
    cycle = build(config.swa.optimizer)([torch.nn.Parameter(torch.zeros(2, 2))])
    with torch.device("meta"):
        net = build(config.model)
    parts: dict[str, dict[str, Any]] = {
        "loss": vars(loss),
        "model": {**OmegaConf.to_container(config.model), **net.settings()},
        "data": {**vars(data), **vars(data.choice)},
        "augmentation": asdict(data.augmentation),
        "optimizer": {"name": type(optimizer).__name__, **vars(optimizer), **optimizer.param_groups[0]},
        "schedule": vars(build(config.schedule)),
        "swa": {**OmegaConf.to_container(config.swa, resolve=True), "optimizer": type(cycle).__name__},
        "trainer": OmegaConf.to_container(config.trainer, resolve=True),
    }
    found = {f"{part}.{key}": value for part, values in parts.items() for key, value in values.items()}
    own = {"normalisation": data.normalise.settings(), "epochs": epochs(config)}
    return {**found, **own, "keep": config.keep, "filtered": config.filtered}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_is_the_papers(experiment: str) -> None:
    found = made(experiment)
    expected = PAPER[experiment]
    assert {key: found.get(key, "not there") for key in expected} == expected


@pytest.mark.parametrize(
    ("experiment", "epoch", "rate"),
    [(A, 0, 1e-4), (A, 99, 1e-4), (A, 150, 5e-5), (A, 199, 2.4672e-8), (B, 0, 1e-4), (B, 200, 5e-5)],
)
def test_rates_of_the_paper(experiment: str, epoch: int, rate: float) -> None:
    schedule = build(composed(experiment).schedule)
    assert schedule.rate(epoch) == pytest.approx(rate, rel=1e-3)
    assert cosine_decay(epoch, 1e-4, 100 if experiment == A else 0, 100 if experiment == A else 400) == (
        pytest.approx(rate, rel=1e-3)
    )
