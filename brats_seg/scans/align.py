"""Raw sequences with their skull to the space of BraTS: co-registered, skull-stripped, 1 mm, each resampled
once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brats_seg.cases import Case
from brats_seg.console import Estimate, live_line
from brats_seg.console import say as print_now
from brats_seg.errors import CaseError, UserError
from brats_seg.files import read_object, write_json
from brats_seg.scans.aligned_folder import AlignedFolder
from brats_seg.scans.case_steps import Step, case_seconds, steps_of
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
    say: Say = print_now,
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
    usual_s = {case.id: case_seconds(settings, case.id in (brain_masks or {})) for case in cases}
    progress = Progress(sum(usual_s.values()))
    with live_line(progress.words):
        for done, case in enumerate(cases, 1):
            progress.behind_s -= usual_s[case.id]
            mask = (brain_masks or {}).get(case.id)
            try:
                record = align_case(case, output, settings, brain_mask=mask, say=say, progress=progress)
                failures += [f"case {case.id}: {warning}" for warning in record["warnings"]]
            except UserError as error:
                line = str(error) if isinstance(error, CaseError) else f"case {case.id}: {error}"
                failures.append(line)
                say(line)
            progress.estimate.expect(progress.behind_s)
            say(f"[{done}/{len(cases)}] {case.id}{f', {progress.estimate}' if done < len(cases) else ''}")
    return failures


class Progress:
    """What is being done, and how long all cases will still take.

    Args:
        usual_s: How long all of them take elsewhere.
    """

    def __init__(self, usual_s: float) -> None:
        self.doing, self.behind_s, self.estimate = "reading the first case", usual_s, Estimate(usual_s)

    def begin(self, case_id: str, todo: Sequence[Step]) -> None:
        """Say which step begins.

        Args:
            case_id: Of the case.
            todo: This step, and the others of the case that are left.
        """
        self.doing = f"case {case_id}, {todo[0].name}"
        self.estimate.expect(sum(step.usual_s for step in todo) + self.behind_s)

    def words(self) -> str:
        """One line."""
        return f"align: {self.doing}, {self.estimate}"


def align_case(
    case: Case,
    output: Path,
    settings: AlignSettings,
    *,
    brain_mask: Path | None = None,
    say: Say = print_now,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Bring one raw case to the space of BraTS; finished steps are kept.

    Args:
        case: With all four sequences.
        output: Gets the folder of the case.
        settings: How.
        brain_mask: On the T1ce's grid, instead of the brain extraction.
        say: Takes the lines of progress.
        progress: Is told which step begins and ends.

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
        if "inputs" not in record:  # an alignment of before 0.2.0
            record["inputs"] = one.inputs()
            write_json(folder.record, record)
        return record
    seconds = _take_steps(one, say, progress or Progress(0.0))
    record = one.record() | {"seconds": seconds}
    write_json(folder.record, record)
    return record


def _take_steps(one: OneCase, say: Say, progress: Progress) -> dict[str, float]:
    """Take the steps that are not done yet; the seconds of each."""
    steps = list(steps_of(one))
    if kept := [step.name for step in steps if step.is_done]:
        say(f"{one.case.id}: goes on; from before: {', '.join(kept)}")
    todo = [step for step in steps if not step.is_done]
    seconds: dict[str, float] = {}
    for at, step in enumerate(todo):
        progress.begin(one.case.id, todo[at:])
        with _timed(seconds, step.name):
            step.work()
        progress.estimate.done(step.usual_s)
        say(f"{one.case.id}: {step.name}, {seconds[step.name]:.1f} s")
    return seconds


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - began, 1)


def aligned_cases(output: Path) -> list[AlignedFolder]:
    """The finished cases of an output folder of :func:`align`, sorted by id."""
    folders = [AlignedFolder(path) for path in sorted(output.iterdir()) if path.is_dir()]
    return [folder for folder in folders if folder.record.is_file()]
