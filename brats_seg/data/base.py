"""What the data of both pipelines have in common: how prepared cases are served."""

from __future__ import annotations

from math import prod
from typing import Any

from torch.utils.data import DataLoader

from brats_seg.augment import Augmentation
from brats_seg.data.dataset import EpochSampler, PatchDataset, Sample, WholeDataset, patch_seed
from brats_seg.data.loader import EndlessLoader, reading, whole_loader
from brats_seg.data.prepared_cases import PreparedCases
from brats_seg.data.unlabelled import PairedLoader, augment
from brats_seg.errors import WrongValue
from brats_seg.geometry import Triple
from brats_seg.kinds import Amount, Count, Positive
from brats_seg.terms import DIVISOR, Batch


class BraTSDataModule(PreparedCases):
    """Finds, prepares and serves labelled cases.

    Args:
        seed: Of the shuffle, the crops and the augmentation.
        patch: Size of a training patch, ``(z, y, x)`` voxels.
        batch_size: Cases per step.
        patches_per_case: Patches of each of them in a step.
        tumour_centred: Probability that a patch is centred on a voxel of a region.
        augmentation: Applied on the device to training batches.
        **cases: As :class:`brats_seg.data.prepared_cases.PreparedCases`.
    """

    def __init__(
        self,
        *,
        seed: Count,
        patch: Triple,
        batch_size: Positive,
        patches_per_case: Positive,
        tumour_centred: Amount,
        augmentation: Augmentation,
        **cases: Any,
    ) -> None:
        super().__init__(**cases)
        self.seed = seed
        z, y, x = patch
        self.patch: Triple = (z, y, x)
        if any(n % DIVISOR for n in self.patch):
            raise WrongValue(f"data.patch={list(self.patch)}: its sizes must be multiples of {DIVISOR}")
        self.batch_size = batch_size
        self.patches_per_case = patches_per_case
        if tumour_centred > 1:
            raise WrongValue(f"data.tumour_centred={tumour_centred}: a probability lies between 0 and 1")
        self.tumour_centred = tumour_centred
        self.augmentation = augmentation

    def train_dataloader(self) -> EndlessLoader | PairedLoader:
        """Random patches, shuffled; the last incomplete batch of an epoch is kept."""
        cases = [self.cases_ready[case_id] for case_id in self.split.train]
        number = {"patches_per_case": self.patches_per_case}
        dataset = PatchDataset(cases, self.patch, self.seed, **number, tumour_centred=self.tumour_centred)
        sampler = EpochSampler(len(cases), self.seed, *self._rank_and_world(), **number)
        samples = self.batch_size * self.patches_per_case
        loader = EndlessLoader(dataset, sampler, samples, self._reading(self.patch, samples))
        if self.unlabelled is None:
            return loader
        options = self._reading(self.patch, self.unlabelled.batch_size)
        return self.unlabelled.beside(loader, self.patch, self.seed, self._rank_and_world(), options)

    def val_dataloader(self) -> DataLoader[Sample] | list[DataLoader[Sample]]:
        """Whole brains, one at a time, each process its share; no loader if nothing validates."""
        if not self.split.validation:
            return []
        rank, world = self._rank_and_world()
        ids = self.split.validation
        if (
            len(ids) >= world
        ):  # else every process takes all: each case equally often leaves the means as they are
            ids = ids[rank::world]
        cases = [self.cases_ready[case_id] for case_id in ids]
        largest = max((case.box.shape for case in cases), key=prod)
        return whole_loader(WholeDataset(cases, DIVISOR), self._reading(largest, 1))

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment training batches on the device; draws depend on (seed, epoch, case id, number) alone."""
        image, target = batch.image.float(), batch.target.float()
        if self.trainer is None or not self.trainer.training:
            return Batch(image, target, batch.case_ids)
        epoch = self.trainer.current_epoch
        seeds = []
        for index, case_id in enumerate(batch.case_ids):
            number = batch.case_ids[:index].count(case_id)
            seeds.append(patch_seed(self.seed, epoch, case_id, "augment", number))
        beside = batch.unlabelled
        if beside is not None:
            beside = augment(beside, self.augmentation, self.seed, epoch)
        return Batch(*self.augmentation(image, target, seeds), batch.case_ids, beside)

    def _rank_and_world(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _reading(self, size: Triple, samples: int) -> dict[str, Any]:
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        return reading(self.workers, prod(size) * samples, on_gpu=on_gpu)
