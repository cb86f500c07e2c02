"""Raw sequences with their skull to the space of BraTS: co-registered, skull-stripped, 1 mm, each resampled
once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brats_seg.cases import Case
from brats_seg.errors import CaseError, UserError
from brats_seg.files import read_object, write_json
from brats_seg.scans.aligned_folder import AlignedFolder
from brats_seg.scans.one_case import OneCase
from brats_seg.scans.packages import load
from brats_seg.scans.settings import AlignSettings

Say = Callable[[str], None]


def align(
    cases: Sequence[Case],
    output: Path,
    settings: AlignSettings | None = None,
    *,
    brain_masks: Mapping[str, Path] | None = None,
    unclear: Sequence[str] = (),
    say: Say = print,
) -> list[str]:
    """Bring raw cases to the space of BraTS; what is finished in the output folder is kept.

    Args:
        cases: With all four sequences, in any orientation, spacing and grid.
        output: Gets a folder per case (:class:`brats_seg.scans.aligned_folder.AlignedFolder`).
        settings: None: the defaults.
        brain_masks: Case id to a mask on the T1ce's grid that stands in for the brain extraction.
        unclear: One line for each case that is not among ``cases`` because its files are ambiguous.
        say: Takes the lines of progress.

    Returns:
        One line per case that failed, or whose registration looks failed; the others are sound.

    Raises:
        UserError: A package of the extra ``scans`` is missing, or the atlas cannot be used.
    """
    settings = settings or AlignSettings.default()
    load("SimpleITK")
    failures = list(unclear)
    began = time.perf_counter()
    for done, case in enumerate(cases, 1):
        mask = (brain_masks or {}).get(case.id)
        try:
            record = align_case(case, output, settings, brain_mask=mask, say=say)
            failures += [f"case {case.id}: {warning}" for warning in record["warnings"]]
        except UserError as error:
            line = str(error) if isinstance(error, CaseError) else f"case {case.id}: {error}"
            failures.append(line)
            say(line)
        left = (time.perf_counter() - began) / done * (len(cases) - done)
        say(f"[{done}/{len(cases)}] {case.id}, {left:.0f} s left")
    return failures


def align_case(
    case: Case, output: Path, settings: AlignSettings, *, brain_mask: Path | None = None, say: Say = print
) -> dict[str, Any]:
    """Bring one raw case to the space of BraTS; finished steps are kept.

    Args:
        case: With all four sequences.
        output: Gets the folder of the case.
        settings: How.
        brain_mask: On the T1ce's grid, instead of the brain extraction.
        say: Takes the lines of progress.

    Returns:
        The record, as ``align/align.json`` holds it.

    Raises:
        UserError: A sequence is missing or unusable, a registration fails, or the folder holds another
            alignment.
    """
    if case.missing:
        raise CaseError(
            case.id,
            expected=f"a file for {', '.join(case.missing)}",
            found=f"only {', '.join(case.modalities)}",
        )
    folder = AlignedFolder(output / case.id)
    one = OneCase(case, folder, settings, brain_mask)
    folder.claim(one.made_of())
    if record := read_object(folder.record):
        say(f"{case.id}: aligned already")
        return record
    seconds: dict[str, float] = {}
    for name, step in one.steps():
        with _timed(seconds, name):
            step()
        say(f"{case.id}: {name}, {seconds[name]:.1f} s")
    record = one.record() | {"seconds": seconds}
    write_json(folder.record, record)
    return record


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - began, 1)


def aligned_cases(output: Path) -> list[AlignedFolder]:
    """The finished cases of an output folder of :func:`align`, sorted by id."""
    folders = [AlignedFolder(path) for path in sorted(output.iterdir()) if path.is_dir()]
    return [folder for folder in folders if folder.record.is_file()]
