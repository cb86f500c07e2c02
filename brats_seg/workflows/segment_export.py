"""From a DICOM export to label maps in the scanner's own space, as NIfTI, DICOM and pages.

Covered by tests/scans/test_segment_export.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.cases import clear_cases
from brats_seg.console import count, say
from brats_seg.files import read_object
from brats_seg.scans import AlignedFolder, AlignSettings, align
from brats_seg.scans.align import aligned_cases
from brats_seg.scans.convert import convert
from brats_seg.workflows.prediction_pages import add_report
from brats_seg.workflows.scanner_space import write_back

Predict = Callable[[Path, Path], list[str]]


def segment_export(
    source: Path,
    output: Path,
    predict: Predict,
    settings: AlignSettings | None = None,
    *,
    chosen: Mapping[str, str | None] | None = None,
    identity: str,
    overwrite: bool = False,
) -> list[str]:
    """Segment every study of a DICOM export; each step keeps what is finished.

    Args:
        source: Folder of DICOM files.
        output: Gets ``nifti/``, ``aligned/`` and ``predictions/`` with ``native/``, ``dicom/`` and
            ``report/``.
        predict: Segments the cases of a folder into another one, and answers with a line for each that
            failed.
        settings: Of the alignment; None: the defaults.
        chosen: Modality to a SeriesInstanceUID or pattern, where two series fit.
        identity: ``"pseudonym"`` or ``"keep"``.
        overwrite: Replace native maps, DICOM files and pages that this program has not written; ``predict``
            has to be told for itself.

    Returns:
        One line for each case that failed; the others are finished.

    Raises:
        UserError: Nothing can be read or written at all, or a package of the extra ``scans`` is missing.
    """
    if before := found_before(output):
        say(f"{output} is there, and the work goes on: {before}")
    say("step 1 of 4: convert")
    found = convert(source, output / "nifti", chosen=chosen, identity=identity)
    failures = list(found.failures)
    if not found.written:
        return failures
    say(f"step 2 of 4: align {count(len(found.written), 'case')}")
    cases, unclear = clear_cases(output / "nifti")
    failures += align(cases, output / "aligned", settings, unclear=unclear)
    predictions, sound = output / "predictions", sound_cases(output / "aligned")
    say(f"step 3 of 4: predict {count(len(sound), 'case')}")
    failures += predict(output / "aligned", predictions)
    failures += write_back(predictions, sound, overwrite=overwrite)
    say("step 4 of 4: report")
    return failures + add_report(predictions, overwrite=overwrite)


def found_before(output: Path) -> str:
    """How far an earlier run of :func:`segment_export` came; empty where there is nothing."""
    nifti, aligned, predictions = (output / name for name in ("nifti", "aligned", "predictions"))
    done = {
        "converted": len(list(nifti.glob("*/*_t1ce.nii.gz"))),
        "aligned": len(aligned_cases(aligned)) if aligned.is_dir() else 0,
        "predicted": len(PredictionFolder(predictions).label_map_files()) if predictions.is_dir() else 0,
    }
    if not (nifti.is_dir() or any(done.values())):
        return ""
    return ", ".join(f"{count(number, 'case')} {what}" for what, number in done.items())


def sound_cases(aligned: Path) -> list[AlignedFolder]:
    """The finished cases without a warning."""
    return [each for each in aligned_cases(aligned) if read_object(each.record).get("warnings") == []]
