"""DICOM files to one NIfTI per sequence, by dcm2niix; every series gets a verdict, and nothing is guessed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from brats_seg import nifti
from brats_seg.console import followed
from brats_seg.console import say as print_now
from brats_seg.errors import UserError, WrongValue
from brats_seg.files import scratch_folder
from brats_seg.scans.dicom_files import count_files, files_below
from brats_seg.scans.identities import Identities
from brats_seg.scans.packages import folder_of
from brats_seg.scans.read_series import read_series
from brats_seg.scans.series import Series, find_series
from brats_seg.scans.verdict import Verdict, judge
from brats_seg.terms import MODALITIES

IDENTITIES = ("pseudonym", "keep")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """One series and what became of it.

    Attributes:
        case: Name of its study in the output.
        series: The series.
        verdict: Which sequence it is, or why none.
    """

    case: str
    series: Series
    verdict: Verdict


@dataclass(frozen=True)
class Converted:
    """What a folder of DICOM files held.

    Attributes:
        judged: Every series.
        written: Cases with all four sequences, which are in the output folder.
        failures: One line for each study that is not complete, or could not be converted.
        others: Number of files that are no DICOM.
    """

    judged: tuple[Judged, ...]
    written: tuple[str, ...]
    failures: tuple[str, ...]
    others: int


def convert(
    source: Path,
    output: Path,
    *,
    chosen: Mapping[str, str | None] | None = None,
    identity: str = "pseudonym",
    say: Say = print_now,
) -> Converted:
    """Find the four sequences of each study and write ``<case>/<case>_<modality>.nii.gz``; what is there
    is kept.

    Args:
        source: A folder of DICOM files, also zipped, of one or many patients.
        output: Gets a folder per study, and ``identities.json``, the only file that tells whose it is.
        chosen: Modality to the SeriesInstanceUID, or to a pattern of the description (``*`` and ``?``),
            where two series fit.
        identity: ``"pseudonym"``, or ``"keep"``: cases are named by PatientID and StudyDate.
        say: Takes the lines of progress.

    Returns:
        Every series with its verdict, and what failed.

    Raises:
        UserError: There is no DICOM file, a package is missing, or the output cannot be written.
    """
    if identity not in IDENTITIES:
        raise WrongValue(f"identity={identity}: expected {' or '.join(IDENTITIES)}")
    program = folder_of("dcm2niix") / "dcm2niix"
    with scratch_folder(output) as unzipped:
        failures: list[str] = []
        found = files_below(source, unzipped, failures.append)
        with followed(found, count_files(source), "convert: files") as files:
            series, others = find_series(files)
        if not series:
            none = f"{source}: expected DICOM files, found none among {others} files"
            raise UserError("\n".join([*failures, none]))
        identities = Identities(output, keep=identity == "keep")
        studies = {identities.name(members[0]): members for members in _studies(series)}
        identities.write()  # first: without the key a killed run's cases would have other names
        judged, written = [], []
        with followed(studies.items(), len(studies), "convert: studies") as each_study:
            for case, members in each_study:
                verdicts = _choose(members, {**(chosen or {})})
                judged += [Judged(case, *pair) for pair in zip(members, verdicts, strict=True)]
                try:
                    chosen_series = _write_case(case, output, members, verdicts, program, say)
                    written.append(case)
                    identities.add_source(case, source, chosen_series["t1ce"].uid)
                    identities.write()
                except UserError as error:
                    failures += [f"case {case}: {line}" for line in str(error).splitlines()]
    return Converted(tuple(judged), tuple(written), tuple(failures), others)


def _studies(series: Sequence[Series]) -> list[list[Series]]:
    studies: dict[str, list[Series]] = defaultdict(list)
    for each in series:
        studies[each.study].append(each)
    return list(studies.values())


def _choose(members: Sequence[Series], chosen: Mapping[str, str | None]) -> list[Verdict]:
    """The verdicts of one study, with what the user chose."""
    verdicts = [judge(each) for each in members]
    for modality, pattern in chosen.items():
        fitting = [at for at, each in enumerate(members) if pattern and _fits(each, pattern)]
        for at, verdict in enumerate(verdicts):
            if at in fitting:
                verdicts[at] = Verdict(modality, f"chosen by series.{modality}")
            elif fitting and verdict.modality == modality:
                verdicts[at] = replace(verdict, modality=None, reason=f"left out by series.{modality}")
    return verdicts


def _fits(series: Series, pattern: str) -> bool:
    return series.uid == pattern or fnmatchcase(series.description.lower(), pattern.lower())


def _write_case(
    case: str,
    output: Path,
    members: Sequence[Series],
    verdicts: Sequence[Verdict],
    program: Path,
    say: Say,
) -> dict[str, Series]:
    candidates: dict[str, list[Series]] = {modality: [] for modality in MODALITIES}
    for each, verdict in zip(members, verdicts, strict=True):
        if verdict.modality:
            candidates[verdict.modality].append(each)
    if problems := list(_unclear(candidates)):
        raise UserError("\n".join(problems))
    targets = {modality: output / case / f"{case}_{modality}.nii.gz" for modality in candidates}
    if held := [modality for modality, target in targets.items() if target.exists()]:
        say(f"{case}: from before: {', '.join(held)}")
    for modality, (series,) in candidates.items():
        target = targets[modality]
        if modality not in held:
            volume = read_series(series, program, output)
            nifti.write(target, volume.array, volume.geometry)
    return {modality: series for modality, (series,) in candidates.items()}


def _unclear(candidates: Mapping[str, Sequence[Series]]) -> Iterator[str]:
    for modality, series in candidates.items():
        if not series:
            yield f"expected a series for {modality}, found none; give series.{modality}=UID or a pattern"
        elif len(series) > 1:
            names = ", ".join(f"{each.uid} ({each.description})" for each in series)
            yield f"{len(series)} series fit {modality}: {names}; give series.{modality}=UID or a pattern"
