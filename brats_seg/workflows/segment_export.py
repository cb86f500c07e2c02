"""From a DICOM export to label maps in the scanner's own space: convert, align, predict, native, DICOM.

Covered by no test yet: its parts are, in tests/scans and tests/inference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from brats_seg.cases import clear_cases
from brats_seg.errors import UserError
from brats_seg.files import read_object
from brats_seg.labels import LABEL_VALUES
from brats_seg.scans import AlignSettings, align
from brats_seg.scans.align import aligned_cases
from brats_seg.scans.convert import Converted, convert
from brats_seg.scans.dicom import write_dicom
from brats_seg.scans.native import write_native

LABELS = LABEL_VALUES["brats2020"]
Predict = Callable[[Path, Path], list[str]]


def segment_export(
    source: Path,
    output: Path,
    predict: Predict,
    settings: AlignSettings | None = None,
    *,
    chosen: Mapping[str, str | None] | None = None,
    identity: str,
) -> list[str]:
    """Segment every study of a DICOM export; each step keeps what is finished.

    Args:
        source: Folder of DICOM files.
        output: Gets ``nifti/``, ``aligned/`` and ``predictions/`` with ``native/`` and ``dicom/``.
        predict: Segments the cases of a folder into another one, and answers with a line for each that
            failed.
        settings: Of the alignment; None: the defaults.
        chosen: Modality to a SeriesInstanceUID or pattern, where two series fit.
        identity: ``"pseudonym"`` or ``"keep"``.

    Returns:
        One line for each case that failed; the others are finished.

    Raises:
        UserError: Nothing can be read or written at all, or a package of the extra ``scans`` is missing.
    """
    found = convert(source, output / "nifti", chosen=chosen, identity=identity)
    failures = list(found.failures)
    if not found.written:
        return failures
    cases, unclear = clear_cases(output / "nifti")
    failures += align(cases, output / "aligned", settings, unclear=unclear)
    predictions = output / "predictions"
    failures += predict(output / "aligned", predictions)
    for native in write_native(predictions, output / "aligned", LABELS):
        case = native.name.removesuffix(".nii.gz")
        try:
            write_dicom(native, LABELS, source, predictions / "dicom", _t1ce(found, case))
        except UserError as error:
            failures.append(f"case {case}: {error}")
    return failures


def sound_cases(aligned: Path) -> list[str]:
    """Ids of the finished cases without a warning."""
    return [each.case_id for each in aligned_cases(aligned) if read_object(each.record).get("warnings") == []]


def _t1ce(found: Converted, case: str) -> str:
    """UID of the series that a case's T1ce came from."""
    (uid,) = (
        each.series.uid for each in found.judged if each.case == case and each.verdict.modality == "t1ce"
    )
    return uid
