"""What the data of both pipelines have in common."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from brats_seg.augment import Augmentation
from brats_seg.cases import Case, check_headers, find_cases
from brats_seg.data.dataset import EpochSampler, PatchDataset, Sample, WholeDataset
from brats_seg.data.folds import Split, fold_split, frozen_folds, read_exclusions, read_split
from brats_seg.errors import UserError, WrongValue
from brats_seg.geometry import Triple
from brats_seg.nifti import read_geometry
from brats_seg.preprocessing import Cache, CachedCase, Normalisation
from brats_seg.preprocessing.cache import disk_estimate_bytes
from brats_seg.seeds import seed_for
from brats_seg.terms import DIVISOR, Batch


class BraTSDataModule(pl.LightningDataModule):
    """Finds, prepares and serves labelled cases.

    Args:
        root: Folder of labelled cases, any known layout.
        cache: Folder for prepared cases and ``folds.json``; a subfolder per root.
        split: File with ``{"train": [...], "validation": [...]}`` in place of the folds.
        exclude: File with case ids to leave out of training; validation never changes.
        folds: How many folds.
        folds_seed: Of the split alone, so that runs of other seeds share it.
        changed: What to do where ``folds.json`` was made from other cases: ``refuse``, ``extend`` or ``resplit``.
        fold: Which fold validates, from 0; ``"all"`` trains on every case.
        seed: Of the shuffle, the crops and the augmentation.
        patch: Size of a training patch, ``(z, y, x)`` voxels.
        batch_size: Patches per step.
        workers: Loader and preparation processes; None chooses by the machine.
        labels: Name of the label values where the naming does not tell.
        patterns: File patterns where the naming is your own.
        normalise: Intensity normalisation.
        augmentation: Applied on the device to training batches.
    """

    def __init__(
        self,
        *,
        root: str,
        cache: str,
        split: str | None,
        exclude: str | None,
        folds: int,
        folds_seed: int,
        changed: str,
        fold: int | str,
        seed: int,
        patch: Sequence[int],
        batch_size: int,
        workers: int | None,
        labels: str | None,
        patterns: Mapping[str, str] | None,
        normalise: Normalisation,
        augmentation: Augmentation,
    ) -> None:
        super().__init__()
        self.root, self.fold, self.folds, self.seed = Path(root).expanduser().resolve(), fold, folds, seed
        self.folds_seed, self.changed = folds_seed, changed
        tag = hashlib.sha256(str(self.root).encode()).hexdigest()[:6]
        self.home = Path(cache).expanduser() / f"{self.root.name}-{tag}"
        self.split_file, self.exclude_file = split, exclude
        self.patch: Triple = (patch[0], patch[1], patch[2])
        if any(n % DIVISOR for n in self.patch):
            raise WrongValue(f"data.patch={list(self.patch)}: its sizes must be multiples of {DIVISOR}")
        self.batch_size = batch_size
        self.workers = (os.cpu_count() or 1) if workers is None else workers
        self.labels, self.patterns = labels, dict(patterns or {})
        self.normalise, self.augmentation = normalise, augmentation
        self.cases_ready: dict[str, CachedCase] = {}

    @cached_property
    def cases(self) -> list[Case]:
        """Every labelled case of the root, sorted by id."""
        found = find_cases(self.root, labels=self.labels, patterns=self.patterns or None)
        labelled = [case for case in found if case.segmentation is not None]
        if not labelled:
            raise UserError(
                f"data.root={self.root}: expected labelled cases, found {len(found)} without a segmentation"
            )
        return labelled

    @cached_property
    def split(self) -> Split:
        """Training and validation cases of this fold, exclusions taken out of training."""
        ids = [case.id for case in self.cases]
        if self.split_file is not None:
            split = read_split(Path(self.split_file), ids)
        elif self.fold == "all":  # asks for no folds, so too few patients for them will do
            split = Split(tuple(ids), ())
        else:
            frozen = {"folds": self.folds, "seed": self.folds_seed}
            split = fold_split(
                frozen_folds(self.home / "folds.json", ids, **frozen, changed=self.changed), self.fold
            )
        if self.exclude_file is None:
            return split
        out = read_exclusions(Path(self.exclude_file))
        return Split(tuple(i for i in split.train if i not in out), split.validation)

    def prepare_cases(
        self,
        ids: Sequence[str] | None = None,
        *,
        verify: bool = False,
        announce: Callable[[int, int], None] = lambda cases, size: None,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        """Fill the cache for these cases (default: those of the split) after the cheap check of their headers.

        Args:
            ids: Of the cases.
            verify: Recompute every checksum, too.
            announce: Called before the work, where there is any, with the number of cases and the bytes they may take.
            progress: Called with (done, total).

        Raises:
            UserError: A case cannot be used, or the disk is too small.
        """
        wanted = set(ids if ids is not None else (*self.split.train, *self.split.validation))
        cases = [case for case in self.cases if case.id in wanted]
        check_headers(cases)
        cache = Cache(self.home, self.normalise)
        if missing := [case for case in cases if cache.lookup(case) is None]:
            needed = disk_estimate_bytes(
                len(missing), read_geometry(missing[0].files[0]).shape
            )  # the others' are like it
            announce(len(missing), needed)
            self._check_disk(len(missing), needed)
        self.cases_ready = cache.ensure(cases, workers=self.workers, verify=verify, progress=progress)

    def setup(self, stage: str) -> None:
        """Nothing is prepared here: every process opens what :meth:`prepare_cases` wrote."""
        if not self.cases_ready:
            self.prepare_cases()

    def train_dataloader(self) -> DataLoader[Sample]:
        """Random patches, shuffled; the last incomplete batch is kept."""
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        dataset = PatchDataset([self.cases_ready[i] for i in self.split.train], self.patch, self.seed)
        return self._loader(
            dataset, batch_size=self.batch_size, sampler=EpochSampler(len(dataset), self.seed, rank, world)
        )

    def val_dataloader(self) -> DataLoader[Sample] | list[DataLoader[Sample]]:
        """Whole brains, one at a time, each process its share; no loader where nothing validates."""
        if not self.split.validation:
            return []
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        # No case twice, or all equally often: both leave means over cases as they are.
        ids = (
            self.split.validation[rank::world]
            if len(self.split.validation) >= world
            else self.split.validation
        )
        return self._loader(WholeDataset([self.cases_ready[i] for i in ids], DIVISOR), batch_size=1)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment training batches on the device; the draw depends on (seed, epoch, case id) alone."""
        image, target = batch.image.float(), batch.target.float()
        if self.trainer is None or not self.trainer.training:
            return Batch(image, target, batch.case_ids)
        seeds = [seed_for(self.seed, self.trainer.current_epoch, i, "augment") for i in batch.case_ids]
        return Batch(*self.augmentation(image, target, seeds), batch.case_ids)

    def _loader(self, dataset: PatchDataset | WholeDataset, **options: object) -> DataLoader[Sample]:
        # On a CPU the network needs the cores more than the loader does.
        workers = min(self.workers, 8) if torch.cuda.is_available() else 0
        return DataLoader(
            dataset,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            collate_fn=collate,
            **options,  # type: ignore[arg-type]
        )

    def _check_disk(self, missing: int, needed: int) -> None:
        folder = next(p for p in (self.home, *self.home.absolute().parents) if p.exists())
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise UserError(
                f"the cache needs up to {needed / 1e9:.1f} GB for {missing} cases, {folder} has {free / 1e9:.1f}: "
                "choose another with data.cache=DIR"
            )


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples of one size."""
    images, targets, ids = zip(*samples, strict=True)
    return Batch(torch.stack(images), torch.stack(targets), list(ids))
