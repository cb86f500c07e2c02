"""What the data of both pipelines have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from brats_seg.augment import Augmentation
from brats_seg.cases import Case, find_cases
from brats_seg.data.choice import Choice
from brats_seg.data.dataset import EpochSampler, PatchDataset, Sample, WholeDataset, patch_seed
from brats_seg.data.folds import Split
from brats_seg.data.loader import EndlessLoader, reading, whole_loader
from brats_seg.data.remarks import remarks
from brats_seg.data.store import Store, place
from brats_seg.data.unlabelled import PairedLoader, augment
from brats_seg.data.unlabelled_cases import UnlabelledCases
from brats_seg.errors import UserError, WrongValue
from brats_seg.geometry import Triple
from brats_seg.kinds import Amount, Count, Positive
from brats_seg.preprocessing import CachedCase, Normalisation
from brats_seg.runtime import worker_count
from brats_seg.terms import DIVISOR, Batch


class BraTSDataModule(pl.LightningDataModule):
    """Finds, prepares and serves labelled cases.

    Args:
        root: Folder of labelled cases, any known layout.
        cache: Folder for prepared cases and ``folds.json``; a subfolder per root.
        split: File with ``{"train": [...], "validation": [...]}`` in place of the folds.
        exclude: File with case ids to leave out of training; validation never changes.
        folds: How many folds.
        folds_seed: Of the split alone, so that runs of other seeds share the split.
        changed: If ``folds.json`` was made from other cases: ``refuse``, ``extend`` or ``resplit``.
        fold: Which fold validates, from 0; ``"all"`` trains on every case.
        seed: Of the shuffle, the crops and the augmentation.
        patch: Size of a training patch, ``(z, y, x)`` voxels.
        batch_size: Cases per step.
        patches_per_case: Patches of each of them in a step.
        tumour_centred: Probability that a patch is centred on a voxel of a region.
        unlabelled: Folder of cases for a mean teacher, any known layout; segmentations in it are not read.
        unlabelled_batch_size: Patches of those in a step.
        workers: Loader and preparation processes; None: as many as this process may use cores.
        labels: Name of the label values, if the file names do not imply them.
        patterns: File patterns for a naming of your own.
        orientation: Of files whose header tells no space, such as ``LPS``; None: as nibabel takes them.
        normalise: Intensity normalisation.
        augmentation: Applied on the device to training batches.
    """

    def __init__(  # noqa: PLR0913 (each is a key of conf/data)
        self,
        *,
        root: str,
        cache: str,
        split: str | None,
        exclude: str | None,
        folds: Positive,
        folds_seed: Count,
        changed: str,
        fold: int | str,
        seed: Count,
        patch: Triple,
        batch_size: Positive,
        patches_per_case: Positive,
        tumour_centred: Amount,
        unlabelled: str | None,
        unlabelled_batch_size: Positive,
        workers: Count | None,
        labels: str | None,
        patterns: Mapping[str, str | None] | None,
        orientation: str | None,
        normalise: Normalisation,
        augmentation: Augmentation,
    ) -> None:
        super().__init__()
        self.root = Path(root).expanduser().resolve()
        self.home = place(cache, self.root)
        self.choice = Choice(split, exclude, fold, folds, folds_seed, changed)
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
        self.workers = worker_count(workers)
        self.labels = labels
        self.patterns = dict(patterns or {})
        self.orientation = orientation
        self.left_out: list[str] = []
        self.normalise = normalise
        self.augmentation = augmentation
        self.unlabelled: UnlabelledCases | None = None
        if unlabelled is not None:
            self.unlabelled = UnlabelledCases(
                unlabelled, cache, normalise, self.workers, unlabelled_batch_size
            )
        self.cases_ready: dict[str, CachedCase] = {}

    @cached_property
    def cases(self) -> list[Case]:
        """Every labelled case of the root, sorted by id."""
        found = find_cases(
            self.root,
            labels=self.labels,
            patterns=self.patterns or None,
            orientation=self.orientation,
            tell=self.left_out.append,
        )
        labelled = [case for case in found if case.segmentation is not None]
        if not labelled:
            raise UserError(
                f"data.root={self.root}: expected labelled cases, found {len(found)} without a segmentation"
            )
        return labelled

    @cached_property
    def split(self) -> Split:
        """Training and validation cases of this fold, exclusions taken out of training."""
        return self.choice.split(self.cases, self.root, self.home)

    def remarks(self) -> list[str]:
        """What is worth knowing of the prepared cases, and of the files that are not among them."""
        prepared = list(self.cases_ready.values())
        if self.unlabelled is not None:
            prepared += self.unlabelled.ready.values()
        return [*self.left_out, *remarks(prepared)]

    def prepare_cases(
        self,
        ids: Sequence[str] | None = None,
        *,
        verify: bool = False,
        announce: Callable[[int, int, Path], None] = lambda cases, size, home: None,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        """Fill the cache, after the cheap check of every header.

        Args:
            ids: Of the cases; None: those of the split.
            verify: Recompute every checksum, too.
            announce: Called before the work, if there is any, with cases, bytes at most, and where.
            progress: Called after each case, with how many are done and how many there are.

        Raises:
            UserError: A case cannot be used, or the disk is too small.
        """
        wanted = set(ids if ids is not None else (*self.split.train, *self.split.validation))
        cases = [case for case in self.cases if case.id in wanted]
        watch: dict[str, Any] = {"verify": verify, "announce": announce, "progress": progress}
        self.cases_ready = Store(self.home, self.normalise, self.workers).fill(cases, **watch)
        if self.unlabelled is not None:
            self.unlabelled.fill(self.unlabelled_cases, **watch)

    def checksums(self) -> dict[str, Any]:
        """Of the arrays of every case that is ready, by case; unlabelled ones as ``unlabelled/<id>``."""
        found = {case_id: cached.checksums() for case_id, cached in self.cases_ready.items()}
        if self.unlabelled is not None:
            for case_id, cached in self.unlabelled.ready.items():
                found[f"unlabelled/{case_id}"] = cached.checksums()
        return found

    @cached_property
    def unlabelled_cases(self) -> list[Case]:
        """Cases for a mean teacher, without their segmentations, sorted by id."""
        if self.unlabelled is None:
            return []
        return self.unlabelled.find(
            self.split.validation,
            patterns=self.patterns or None,
            orientation=self.orientation,
            tell=self.left_out.append,
        )

    def setup(self, stage: str) -> None:
        """Open the cases that :meth:`prepare_cases` prepared, in every process."""
        if not self.cases_ready:
            self.prepare_cases()

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
