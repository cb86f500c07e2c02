"""Which cases a training has, found and prepared. Covered by tests/data/test_base.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from brats_seg.cases import Case, find_cases
from brats_seg.data.choice import Choice
from brats_seg.data.folds import Split
from brats_seg.data.remarks import remarks
from brats_seg.data.store import Store, place
from brats_seg.data.unlabelled_cases import UnlabelledCases
from brats_seg.errors import UserError
from brats_seg.kinds import Count, Positive
from brats_seg.preprocessing import CachedCase, Normalisation
from brats_seg.runtime import worker_count


class PreparedCases(pl.LightningDataModule):
    """Finds labelled cases, splits them and fills the cache.

    Args:
        root: Folder of labelled cases, any known layout.
        cache: Folder for prepared cases and ``folds.json``; a subfolder per root.
        split: File with ``{"train": [...], "validation": [...]}`` in place of the folds.
        exclude: File with case ids to leave out of training; validation never changes.
        folds: How many folds.
        folds_seed: Of the split alone, so that runs of other seeds share the split.
        changed: If ``folds.json`` was made from other cases: ``refuse``, ``extend`` or ``resplit``.
        fold: Which fold validates, from 0; ``"all"`` trains on every case.
        unlabelled: Folder of cases for a mean teacher, any known layout; segmentations in it are not read.
        unlabelled_batch_size: Patches of those in a step.
        workers: Loader and preparation processes; None: as many as this process may use cores.
        labels: Name of the label values, if the file names do not imply them.
        patterns: File patterns for a naming of your own.
        orientation: Of files whose header tells no space, such as ``LPS``; None: as nibabel takes them.
        normalise: Intensity normalisation.
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
        unlabelled: str | None,
        unlabelled_batch_size: Positive,
        workers: Count | None,
        labels: str | None,
        patterns: Mapping[str, str | None] | None,
        orientation: str | None,
        normalise: Normalisation,
    ) -> None:
        super().__init__()
        self.root = Path(root).expanduser().resolve()
        self.home = place(cache, self.root)
        self.choice = Choice(split, exclude, fold, folds, folds_seed, changed)
        self.workers = worker_count(workers)
        self.labels = labels
        self.patterns = dict(patterns or {})
        self.orientation = orientation
        self.left_out: list[str] = []
        self.normalise = normalise
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
