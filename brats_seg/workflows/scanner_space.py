"""Predictions of aligned cases back in the scanner's own space, as NIfTI and as DICOM.

Covered by tests/scans/test_segment_export.py and tests/inference/test_native_maps.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from brats_seg import nifti
from brats_seg.artifacts.label_maps import recorded_labels
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.artifacts.recorded_images import recorded_images
from brats_seg.cases import Case
from brats_seg.console import followed
from brats_seg.errors import UserError
from brats_seg.files import read_object
from brats_seg.labels import label_values
from brats_seg.scans.aligned_folder import AlignedFolder
from brats_seg.scans.dicom import choose_series, series_below, write_on_series
from brats_seg.scans.identities import source_of
from brats_seg.scans.native import write_native
from brats_seg.scans.packages import load
from brats_seg.scans.series import Series

OLDER = "give the brats-seg align of before again, which writes that down and nothing else"
"""What completes an alignment of before 0.2.0."""
DICOM = "dicom"
"""Folder of the DICOM files in a prediction folder."""
Say = Callable[[str], None]


def aligned_among(cases: Iterable[Case]) -> list[AlignedFolder]:
    """The folders of those cases that `brats-seg align` has written."""
    folders = {file.parent: case.id for case in cases for file in case.files}
    found = [AlignedFolder(path) for path, case_id in folders.items() if path.name == case_id]
    return [folder for folder in found if folder.record.is_file()]


def write_back(
    predictions: Path, folders: Sequence[AlignedFolder], *, overwrite: bool = False, say: Say = print
) -> list[str]:
    """Write ``native/<case>.nii.gz`` for each aligned case with a prediction, and ``dicom/`` where the case
    came from DICOM by `brats-seg convert`; what is finished is kept.

    Args:
        predictions: Prediction folder.
        folders: Of the aligned cases.
        overwrite: Replace files that this program has not written.
        say: Takes a line about each DICOM file that cannot be written for want of its series or of a
            tumour.

    Returns:
        One line for each case that failed; the others are finished.
    """
    folder = PredictionFolder(predictions)
    done = [each for each in folders if folder.label_map(each.case_id).is_file()]
    try:
        for name in ("SimpleITK", "pydicom") if done else ():
            load(name)
    except UserError as error:
        say(f"NOTE: no maps in the scanner's own space: {error}")
        return []
    failures: list[str] = []
    with ExitStack() as stack:
        sources = _Sources(stack)
        for each in stack.enter_context(followed(done, len(done), "back in the scanner's space")):
            try:
                _write_case(folder, each, sources, overwrite, say)
            except UserError as error:
                line = str(error)
                failures.append(line if line.startswith("case ") else f"case {each.case_id}: {line}")
    return failures


def _write_case(
    folder: PredictionFolder, aligned: AlignedFolder, sources: _Sources, overwrite: bool, say: Say
) -> None:
    case_id = aligned.case_id
    label_map, native = folder.label_map(case_id), folder.native(case_id)
    labels = label_values(recorded_labels(label_map) or "brats2020")
    write_native(label_map, native, aligned, labels, overwrite=overwrite)
    held = read_object(aligned.record)
    if "inputs" not in held:  # before 0.2.0
        say(f"case {case_id}: no DICOM of it: {aligned.record} names no raw T1ce; {OLDER}")
        return
    raw = recorded_images(case_id, held).case.modalities
    source = source_of(raw["t1ce"].path) if "t1ce" in raw else None
    if source is None:
        return
    if why := _why_no_dicom(source[0], native):
        say(f"case {case_id}: no DICOM of it: {why}")
        return
    series = choose_series(sources.series(source[0]), source[1], source[0])
    write_on_series(native, labels, series, folder.path / DICOM, overwrite=overwrite)


def _why_no_dicom(source: Path, native: Path) -> str | None:
    if not source.exists():
        return f"{source} is not there any more; `brats-seg dicom` takes another input=DIR"
    if not nifti.read(native).array.any():
        return "no tumour was found"
    return None


@dataclass
class _Sources:
    """Each folder of DICOM files, looked through once."""

    stack: ExitStack
    known: dict[Path, list[Series]] = field(default_factory=dict)

    def series(self, folder: Path) -> list[Series]:
        if folder not in self.known:
            self.known[folder] = self.stack.enter_context(series_below(folder))
        return self.known[folder]
