"""Image and target stay together from the files to the network, and only training batches are augmented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from brats_seg import nifti
from brats_seg.data import BraTSDataModule, base
from brats_seg.data.dataset import PatchDataset, WholeDataset
from brats_seg.data.loader import reading
from brats_seg.runtime.quiet import quiet_lightning
from brats_seg.seeds import seed_for
from brats_seg.terms import MODALITIES, Batch
from brats_seg.training.config import build, load_config

INTENSITIES = {0: 100, 2: 300, 1: 400, 4: 500}
"""Of the brain where the label map has that value: the target is a function of every sequence."""
SHARES = {0: 0.5, 2: 1 / 6, 1: 1 / 6, 4: 1 / 6}
SHAPE, BRAIN = (40, 36, 40), (slice(5, 26), slice(2, 30), slice(9, 28))
THRESHOLDS = {"a": (0.86, 0.61, 0.3), "b": (1.21, 0.6, 0.14)}
"""Of ET, TC and WT, between the levels that the intensities have after normalisation, rescale and shift.

A has 0, 1/2, 3/4 and 1; B -0.93, 0.31, 0.93 and 1.56.
"""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases in which every voxel has a label of its own, drawn anew."""
    root = tmp_path_factory.mktemp("together")
    rng = np.random.default_rng(0)
    for number in range(3):
        brain = tuple(side.stop - side.start for side in BRAIN)
        label_map, image = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.int16)
        drawn = rng.choice(list(SHARES), p=list(SHARES.values()), size=brain).astype(np.uint8)
        label_map[BRAIN] = drawn
        for value, intensity in INTENSITIES.items():
            image[BRAIN][drawn == value] = intensity
        folder = root / "cohort" / f"BraTS20_Training_{number + 1:03}"
        volumes = {**{name: image * (k + 1) for k, name in enumerate(MODALITIES)}, "seg": label_map}
        for name, volume in volumes.items():
            nifti.write(folder / f"{folder.name}_{name}.nii.gz", volume, nifti.lps_geometry(SHAPE))
    return root


def module(root: Path, pipeline: str, *overrides: str) -> BraTSDataModule:
    places = [
        f"data.root={root / 'cohort'}",
        f"data.cache={root / 'cache'}",
        "data.folds=3",
        "data.workers=0",
    ]
    data: BraTSDataModule = build(load_config([f"experiment=pipeline_{pipeline}", *places, *overrides]).data)
    data.prepare_cases()
    return data


class Seen(pl.LightningModule):
    """A network that learns nothing and keeps its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.trained: list[Batch] = []
        self.validated: list[Batch] = []

    def training_step(self, batch: Batch, index: int) -> Tensor:
        self.trained.append(batch)
        return self.weight * batch.image.mean()

    def validation_step(self, batch: Batch, index: int) -> None:
        self.validated.append(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(data: BraTSDataModule, epochs: int) -> Seen:
    quiet_lightning()
    seen = Seen()
    quiet: dict[str, Any] = dict.fromkeys(("enable_progress_bar", "enable_model_summary"), False)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        **quiet,
    )
    trainer.fit(seen, datamodule=data)
    return seen


def in_processes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The loaders of a GPU on a machine without one; their numbers of processes are appended."""
    counts: list[int] = []

    def of_a_gpu(workers: int, batch_voxels: int, *, on_gpu: bool) -> dict[str, Any]:
        options = reading(2, batch_voxels, on_gpu=True)
        counts.append(options["num_workers"])
        return {**options, "pin_memory": False}

    monkeypatch.setattr(base, "reading", of_a_gpu)
    return counts


def pairs(batches: Iterable[Batch]) -> Iterator[tuple[Tensor, Tensor]]:
    for batch in batches:
        yield from zip(batch.image, batch.target, strict=True)


def assert_together(batches: list[Batch], pipeline: str) -> None:
    """At every voxel, in every sequence."""
    thresholds = torch.tensor(THRESHOLDS[pipeline])[:, None, None, None]
    for image, target in pairs(batches):
        assert target.any()
        for channel in image:
            assert torch.equal(channel > thresholds, target > 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [False, True], ids=["here", "in processes"])
@pytest.mark.parametrize("pipeline", ["a", "b"])
def test_the_target_is_the_same_function_of_the_image_as_in_the_files(
    cohort: Path, monkeypatch: pytest.MonkeyPatch, pipeline: str, processes: bool
) -> None:
    counts = in_processes(monkeypatch) if processes else []
    without = ["data.augmentation.noise=0", *(["data.augmentation.drop=0"] if pipeline == "a" else [])]
    # One axis is cropped, one is padded, one is as long as the patch.
    seen = fit(module(cohort, pipeline, "data.patch=[16,32,24]", "data.batch_size=2", *without), epochs=4)
    assert [len(seen.trained), len(seen.validated)] == [4, 4]
    assert_together(seen.trained, pipeline)
    assert_together(seen.validated, pipeline)
    assert counts == ([2, 2] if processes else [])


@pytest.mark.slow
def test_processes_give_the_same_batches(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = module(cohort, "a", "data.patch=[16,16,16]")
    here = fit(data, epochs=2)
    in_processes(monkeypatch)
    there = fit(module(cohort, "a", "data.patch=[16,16,16]"), epochs=2)
    assert [batch.case_ids for batch in here.trained] == [batch.case_ids for batch in there.trained]
    torch.testing.assert_close(list(pairs(here.trained)), list(pairs(there.trained)), rtol=0, atol=0)


@pytest.mark.slow
def test_training_batches_are_augmented_by_their_seeds_and_validation_batches_are_not(cohort: Path) -> None:
    data = module(cohort, "a", "data.patch=[16,16,16]")
    seen = fit(data, epochs=2)
    training = [data.cases_ready[case_id] for case_id in data.split.train]
    patches = PatchDataset(training, data.patch, data.seed)
    order = {case.id: index for index, case in enumerate(training)}
    for number, batch in enumerate(seen.trained):
        epoch, (case_id,) = number // len(training), batch.case_ids
        image, target, _ = patches[epoch, order[case_id]]
        seeds = [seed_for(data.seed, epoch, case_id, "augment")]
        expected = data.augmentation(image[None].float(), target[None].float(), seeds)
        torch.testing.assert_close((batch.image, batch.target), expected, rtol=0, atol=0)
        assert not batch.image.equal(image[None].float())
    whole = WholeDataset([data.cases_ready[case_id] for case_id in data.split.validation], 8)
    for batch in seen.validated:
        image, target, _ = whole[0]
        assert batch.image.equal(image[None].float()) and batch.target.equal(target[None].float())
