"""Which cases a mean teacher sees without their segmentations. Covered by tests/data/test_unlabelled.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from brats_seg.cases import Case, clear_cases
from brats_seg.data.loader import EndlessLoader
from brats_seg.data.store import Store, place
from brats_seg.data.unlabelled import ImagePatches, PairedLoader, TurnByTurn, collate
from brats_seg.errors import UserError
from brats_seg.geometry import Triple
from brats_seg.preprocessing import CachedCase, Normalisation


class UnlabelledCases:
    """Cases of a folder, prepared without their segmentations.

    Args:
        root: The folder, any known layout.
        cache: As for :class:`brats_seg.data.BraTSDataModule`.
        normalise: Intensity normalisation.
        workers: Processes that prepare, at most.
        batch_size: Patches in a step.
    """

    def __init__(
        self, root: str, cache: str, normalise: Normalisation, workers: int, batch_size: int
    ) -> None:
        self.root = Path(root).expanduser().resolve()
        self.store = Store(place(cache, self.root), normalise, workers)
        self.batch_size = batch_size
        self.ready: dict[str, CachedCase] = {}

    def find(
        self,
        validating: Sequence[str],
        *,
        patterns: Mapping[str, str | None] | None,
        orientation: str | None,
        tell: Callable[[str], None],
    ) -> list[Case]:
        """Look for them.

        Args:
            validating: Ids of the cases that validate.
            patterns: As for :func:`brats_seg.cases.find_cases`.
            orientation: Likewise.
            tell: Called with a line for what is left out.

        Returns:
            At least one case.

        Raises:
            UserError: There is none, or one of them validates, which would be scored after it was trained on.
        """
        found, problems = clear_cases(self.root, patterns=patterns, orientation=orientation, tell=tell)
        for problem in problems:
            tell(problem)
        if not found:
            raise UserError(f"data.unlabelled={self.root}: expected cases, found {problems[0]}")
        seen = sorted({case.id for case in found} & set(validating))
        if seen:
            more = f" (and {len(seen) - 1} more)" if len(seen) > 1 else ""
            raise UserError(
                f"data.unlabelled={self.root}: expected no case that validates, found {seen[0]}{more}"
            )
        return [replace(case, segmentation=None) for case in found]

    def fill(self, cases: Sequence[Case], **watching: Any) -> None:
        """Prepare them.

        Args:
            cases: Of :meth:`find`.
            watching: As for :meth:`Store.fill`.
        """
        self.ready = self.store.fill(cases, **watching)

    def beside(
        self,
        labelled: EndlessLoader,
        patch: Triple,
        seed: int,
        processes: tuple[int, int],
        options: Mapping[str, Any],
    ) -> PairedLoader:
        """Put patches of them beside each batch.

        Args:
            labelled: The batches.
            patch: Size ``(z, y, x)``.
            seed: Of the run.
            processes: Rank and number of the processes that train.
            options: Of :func:`brats_seg.data.loader.reading`.

        Returns:
            As many batches as before.
        """
        patches = ImagePatches(list(self.ready.values()), patch, seed)
        number = len(labelled) * self.batch_size
        sampler = TurnByTurn(len(patches.cases), seed, *processes, patches=number)
        reading = {**options, "collate_fn": collate}
        return PairedLoader(labelled, EndlessLoader(patches, sampler, self.batch_size, reading))
