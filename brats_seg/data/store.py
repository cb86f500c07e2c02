"""Where prepared cases of one folder lie, and how they get there. Covered by tests/data/test_base.py."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from brats_seg.cases import Case, check_headers
from brats_seg.errors import UserError
from brats_seg.nifti import read_geometry
from brats_seg.preprocessing import Cache, CachedCase, Normalisation
from brats_seg.preprocessing.cache import disk_estimate_bytes, memory_estimate_bytes
from brats_seg.runtime import memory_bytes


def place(cache: str, root: Path) -> Path:
    """The folder for the prepared cases of a root.

    Args:
        cache: Folder for those of every root.
        root: Resolved.

    Returns:
        A subfolder named by the root.
    """
    tag = hashlib.sha256(str(root).encode()).hexdigest()[:6]
    return Path(cache).expanduser() / f"{root.name}-{tag}"


@dataclass(frozen=True)
class Store:
    """Prepared cases of one folder.

    Attributes:
        home: Where they lie.
        normalise: How intensities are normalised.
        workers: Processes that prepare, at most.
    """

    home: Path
    normalise: Normalisation
    workers: int

    def fill(
        self,
        cases: Sequence[Case],
        *,
        verify: bool = False,
        announce: Callable[[int, int, Path], None] = lambda cases, size, home: None,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> dict[str, CachedCase]:
        """Prepare what is missing, after the cheap check of every header.

        Args:
            cases: What is wanted.
            verify: Recompute every checksum, too.
            announce: Called before the work, if there is any, with cases, bytes at most, and where.
            progress: Called after each case, with how many are done and how many there are.

        Returns:
            Case id to prepared case.

        Raises:
            UserError: A case cannot be used, or the disk is too small.
        """
        check_headers(cases)
        cache = Cache(self.home, self.normalise)
        missing = [case for case in cases if cache.lookup(case) is None]
        workers = self.workers
        if missing:
            shape = read_geometry(missing[0].files[0]).shape  # the other cases have about the same size
            needed = disk_estimate_bytes(len(missing), shape)
            announce(len(missing), needed, self.home)
            self._check_disk(len(missing), needed)
            workers = min(workers, memory_bytes()[0] // memory_estimate_bytes(shape))
        return cache.ensure(cases, workers=workers, verify=verify, progress=progress)

    def _check_disk(self, missing: int, needed: int) -> None:
        folder = self.home.absolute()
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise UserError(
                f"the cache needs up to {needed / 1e9:.1f} GB for {missing} cases, "
                f"{folder} has {free / 1e9:.1f}: choose another with data.cache=DIR"
            )
