"""Prepared cases on disk, memory-mapped, so that a patch reads only its window. README.md says the format and why."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import numpy as np
from filelock import FileLock
from jaxtyping import Bool, Float16
from numpy.typing import NDArray

from brats_seg.cases import Case, read_case
from brats_seg.errors import UserError
from brats_seg.files import whole_folder, write_json
from brats_seg.geometry import Box, Triple
from brats_seg.preprocessing.normalise import Normalisation
from brats_seg.preprocessing.prepare import Prepared, prepare
from brats_seg.terms import REGIONS

FORMAT = 1
LEVELS = np.arange(len(REGIONS), 0, -1, dtype=np.uint8)[:, None, None, None]
"""A voxel inside ET lies in three nested regions, TC in two, WT in one: region r holds where depth >= LEVELS[r]."""


@dataclass(frozen=True)
class CachedCase:
    """One prepared case, opened lazily.

    Attributes:
        id: The case.
        folder: ``image.npy`` float16 ``(modality, z, y, x)``, ``depth.npy`` uint8 ``(z, y, x)``, ``case.json``.
        box: The brain box in the whole volume.
        shape: Of the whole volume, ``(z, y, x)``.
    """

    id: str
    folder: Path
    box: Box
    shape: Triple

    def image(self, window: Box | None = None) -> Float16[NDArray[np.float16], "modality z y x"]:
        """A window of the box, or of all of it; the device makes float32 of it."""
        array = np.load(self.folder / "image.npy", mmap_mode="r")
        return np.array(array if window is None else window.crop(array))

    def regions(self, window: Box | None = None) -> Bool[NDArray[np.bool_], "region z y x"]:
        """A window of the box, or of all of it."""
        array = np.load(self.folder / "depth.npy", mmap_mode="r")
        return cast(NDArray[np.bool_], (array if window is None else window.crop(array)) >= LEVELS)


class Cache:
    """Prepared cases of one normalisation.

    Args:
        root: Folder for every setting's caches; this one's is a subfolder named by a hash of what made it.
        normalise: How intensities are normalised.
    """

    def __init__(self, root: Path, normalise: Normalisation) -> None:
        self.normalise = normalise
        settings = {"format": FORMAT, **normalise.settings()}
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]
        self.folder = root / f"{settings['name']}-{digest}"

    def ensure(
        self,
        cases: Sequence[Case],
        *,
        workers: int,
        verify: bool = False,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> dict[str, CachedCase]:
        """Prepare what is missing, changed or damaged, in parallel.

        Args:
            cases: Labelled cases.
            workers: Processes; 0 works in this one.
            verify: Also recompute every checksum, which reads the whole cache.
            progress: Called with (finished, total) as cases finish.

        Returns:
            Case id to cached case, in the order of ``cases``.

        Raises:
            UserError: One line per case that cannot be prepared; the others are kept.
        """
        found = {case.id: self.lookup(case, verify=verify) for case in cases}
        missing = [case for case in cases if found[case.id] is None]
        problems: list[str] = []
        for number, (case, result) in enumerate(_each(self._build, missing, workers), 1):
            progress(number, len(missing))
            if isinstance(result, UserError):
                problems.append(str(result))
            found[case.id] = None if isinstance(result, UserError) else result
        if problems:
            raise UserError("\n".join(sorted(problems)))
        return {case_id: cached for case_id, cached in found.items() if cached is not None}

    def lookup(self, case: Case, *, verify: bool = False) -> CachedCase | None:
        """The cached case, or None where it is missing, damaged, or its source files changed."""
        folder = self.folder / case.id
        try:
            record = json.loads((folder / "case.json").read_text())
            if record["sources"] != _sources(case) or not all(
                _intact(folder, name, record["files"][name], verify) for name in record["files"]
            ):
                return None
            box = Box(tuple(record["box"][0]), tuple(record["box"][1]))
            return CachedCase(case.id, folder, box, tuple(record["shape"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _build(self, case: Case) -> CachedCase:
        folder = self.folder / case.id
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot write the cache {self.folder} ({error.strerror}); choose another with data.cache=DIR"
            ) from error
        with FileLock(self.folder / f".{case.id}.lock"):
            # Another process may have built it while this one waited.
            if (cached := self.lookup(case, verify=True)) is not None:
                return cached
            prepared = prepare(read_case(case), self.normalise)
            with whole_folder(folder) as temporary:
                _write(temporary, prepared, _sources(case))
        return CachedCase(case.id, folder, prepared.box, prepared.shape)


def disk_estimate_bytes(cases: int, shape: Triple) -> int:
    """Upper bound of the cache's size: four float16 channels and one byte of depth, the box at most 60 % of the volume."""
    return int(cases * np.prod(shape) * (4 * 2 + 1) * 0.6)


def _write(folder: Path, prepared: Prepared, sources: list[list[Any]]) -> None:
    if prepared.regions is None:
        raise UserError("a case without a segmentation cannot be trained on: leave it out of data.root")
    np.save(folder / "image.npy", prepared.image.astype(np.float16))
    np.save(folder / "depth.npy", prepared.regions.sum(axis=0, dtype=np.uint8))
    files = {path.name: [path.stat().st_size, _crc(path)] for path in sorted(folder.glob("*.npy"))}
    box = [prepared.box.start, prepared.box.stop]
    write_json(
        folder / "case.json",
        {"format": FORMAT, "sources": sources, "box": box, "shape": prepared.shape, "files": files},
    )


def _sources(case: Case) -> list[list[Any]]:
    paths = [file.path for file in case.modalities.values()] + (
        [case.segmentation] if case.segmentation else []
    )
    stats = [(path, path.stat()) for path in sorted(set(paths))]
    return [[str(path.resolve()), stat.st_size, stat.st_mtime_ns] for path, stat in stats] + [
        ["convention", case.labels]
    ]


def _crc(path: Path) -> int:
    return zlib.crc32(path.read_bytes())


def _intact(folder: Path, name: str, recorded: list[int], verify: bool) -> bool:
    size, crc = recorded
    return (folder / name).stat().st_size == size and (not verify or _crc(folder / name) == crc)


def _attempt(build: Callable[[Case], CachedCase], case: Case) -> CachedCase | UserError:
    try:
        return build(case)
    except UserError as error:
        return error


def _each(
    build: Callable[[Case], CachedCase], cases: Sequence[Case], workers: int
) -> Iterable[tuple[Case, CachedCase | UserError]]:
    if workers < 1 or len(cases) < 2:
        yield from ((case, _attempt(build, case)) for case in cases)
        return
    # Spawned, not forked: torch's and isal's threads do not survive a fork.
    with ProcessPoolExecutor(min(workers, len(cases)), mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(_attempt, build, case): case for case in cases}
        for job in as_completed(jobs):
            yield jobs[job], job.result()
