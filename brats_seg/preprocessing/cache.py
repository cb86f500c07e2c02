"""Prepared cases on disk, memory-mapped, so that a patch reads only its window.

README.md describes the format and gives the reasons.
"""

from __future__ import annotations

import hashlib
import json
import operator
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from brats_seg.cases import Case, LoadedCase, read_case
from brats_seg.errors import UserError
from brats_seg.files import locked, read_object, whole_folder, write_json
from brats_seg.geometry import Box, Triple
from brats_seg.parallel import each
from brats_seg.preprocessing.cached_case import RECORD, CachedCase
from brats_seg.preprocessing.normalise import Normalisation
from brats_seg.preprocessing.prepare import Prepared, prepare

FORMAT = 1


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
            cases: Those without a segmentation have no regions afterwards.
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
        results = each(partial(_attempt, self._build), missing, workers)
        for number, (case, result) in enumerate(zip(missing, results, strict=True), 1):
            progress(number, len(missing))
            if isinstance(result, UserError):
                problems.append(str(result))
            else:
                found[case.id] = result
        if problems:
            raise UserError("\n".join(sorted(set(problems))))
        return {case_id: cached for case_id, cached in found.items() if cached is not None}

    def lookup(self, case: Case, *, verify: bool = False) -> CachedCase | None:
        """Look for a case that was prepared before.

        Args:
            case: Which one.
            verify: Also recompute the checksums.

        Returns:
            The cached case; None where it is missing, damaged, or its source files changed.
        """
        folder = self.folder / case.id
        record = read_object(folder / RECORD)
        try:
            if record["sources"] != _sources(case):
                return None
            for name, recorded in record["files"].items():
                if not _intact(folder / name, recorded, verify=verify):
                    return None
            box, shape = Box(_triple(record["box"][0]), _triple(record["box"][1])), _triple(record["shape"])
            notes = tuple(map(str, record.get("notes", ())))
            fingerprints = {str(name): str(value) for name, value in record.get("fingerprints", {}).items()}
            return CachedCase(case.id, folder, box, shape, notes, fingerprints)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None

    def _build(self, case: Case) -> CachedCase:
        folder = self.folder / case.id
        with locked(self.folder / f".{case.id}.lock", remedy="choose another with data.cache=DIR"):
            # Another process may have built it while this one waited.
            if (cached := self.lookup(case, verify=True)) is not None:
                return cached
            loaded = read_case(case)
            prepared = prepare(loaded, self.normalise)
            with whole_folder(folder) as temporary:
                _write(temporary, prepared, loaded, _sources(case))
        return CachedCase(case.id, folder, prepared.box, prepared.shape, loaded.notes, loaded.fingerprints)


def disk_estimate_bytes(cases: int, shape: Triple) -> int:
    """Upper bound of the cache's size.

    Args:
        cases: How many.
        shape: Of their volumes, ``(z, y, x)``.

    Returns:
        Bytes: four float16 channels and one byte of depth, with a brain box of at most 60 % of the volume.
    """
    return int(cases * np.prod(shape) * (4 * 2 + 1) * 0.6)


def memory_estimate_bytes(shape: Triple) -> int:
    """Upper bound of what a process holds that prepares one case.

    Args:
        shape: Of its volumes, ``(z, y, x)``.

    Returns:
        Bytes: Python with its packages, and sixteen float32 volumes (seen at full size: 0.25 and 0.5 GiB).
    """
    return int(0.3 * 2**30 + 16 * 4 * np.prod(shape))


def _write(folder: Path, prepared: Prepared, loaded: LoadedCase, sources: list[list[Any]]) -> None:
    np.save(folder / "image.npy", prepared.image.astype(np.float16))
    if prepared.regions is not None:
        np.save(folder / "depth.npy", prepared.regions.sum(axis=0, dtype=np.uint8))
    files = {path.name: [path.stat().st_size, _crc(path)] for path in sorted(folder.glob("*.npy"))}
    box = [prepared.box.start, prepared.box.stop]
    record = {"format": FORMAT, "sources": sources, "box": box, "shape": prepared.shape, "files": files}
    told = {"notes": loaded.notes, "fingerprints": dict(loaded.fingerprints)}
    write_json(folder / RECORD, {**record, **told})


def _sources(case: Case) -> list[list[Any]]:
    """Path, size and time of change of every file, and the label values: a change makes the case anew."""
    sources: list[list[Any]] = []
    for path in sorted(set(case.files)):
        status = path.stat()
        sources.append([str(path.resolve()), status.st_size, status.st_mtime_ns])
    if case.orientation is not None:
        sources.append(["orientation", case.orientation])
    return [*sources, ["convention", case.labels]]


def _triple(value: Any) -> Triple:
    z, y, x = map(operator.index, value)
    return (z, y, x)


def _crc(path: Path) -> int:
    return zlib.crc32(path.read_bytes())


def _intact(path: Path, recorded: list[int], *, verify: bool) -> bool:
    size, crc = recorded
    if path.stat().st_size != size:
        return False
    return not verify or _crc(path) == crc


def _attempt(build: Callable[[Case], CachedCase], case: Case) -> CachedCase | UserError:
    try:
        return build(case)
    except UserError as error:
        return error
