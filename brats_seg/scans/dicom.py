"""DICOM SEG and RTSTRUCT of a label map, from a folder of DICOM files. Covered by
tests/scans/test_dicom_results.py."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from brats_seg import nifti
from brats_seg.errors import UserError
from brats_seg.files import refuse_foreign, says
from brats_seg.files.foreign import PROGRAM
from brats_seg.labels import LabelValues
from brats_seg.scans.dicom_files import files_below, read_header
from brats_seg.scans.segmentation import result_uid, write_segmentation
from brats_seg.scans.series import Series, find_series
from brats_seg.scans.source_series import open_series
from brats_seg.scans.structures import write_structures


@contextmanager
def series_below(source: Path) -> Iterator[list[Series]]:
    """The series of a folder of DICOM files, also zipped; their files are there until this is left.

    Args:
        source: The folder.

    Raises:
        UserError: There is no such folder, or it holds too much.
    """
    with tempfile.TemporaryDirectory() as unzipped:
        yield find_series(files_below(source, Path(unzipped)))[0]


def write_dicom(
    label_map: Path,
    labels: LabelValues,
    source: Path,
    output: Path,
    series: str | None = None,
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Write ``<name>_seg.dcm`` and ``<name>_rtstruct.dcm``.

    Args:
        label_map: On the grid of the series, such as a file of ``native/``.
        labels: What its values mean.
        source: A folder of DICOM files.
        output: Gets the files.
        series: A SeriesInstanceUID or a pattern of the description; None: the folder holds one series only.
        overwrite: Replace files that this program has not written.

    Returns:
        The files written.

    Raises:
        UserError: No series or several series fit, or the label map lies elsewhere.
    """
    with series_below(source) as found:
        chosen = choose_series(found, series, source)
        return write_on_series(label_map, labels, chosen, output, overwrite=overwrite)


def write_on_series(
    label_map: Path, labels: LabelValues, series: Series, output: Path, *, overwrite: bool = False
) -> list[Path]:
    """Write a label map as DICOM; files of the same map on the same series are kept.

    Args:
        label_map: On the grid of the series.
        labels: What its values mean.
        series: Of the label map.
        output: Gets the files.
        overwrite: Replace files that this program has not written.

    Returns:
        The files.

    Raises:
        UserError: The label map lies elsewhere, or holds no tumour.
    """
    volume, opened = nifti.read(label_map), open_series(series)
    name = label_map.name.removesuffix(".gz").removesuffix(".nii")
    writers = {
        output / f"{name}_seg.dcm": ("seg", write_segmentation),
        output / f"{name}_rtstruct.dcm": ("rtstruct", write_structures),
    }
    refuse_foreign(dict.fromkeys(writers, says("DICM", PROGRAM)), overwrite=overwrite)
    for path, (kind, write) in writers.items():
        header = read_header(path) if path.is_file() else None
        if header is None or header.get("SOPInstanceUID") != result_uid(volume, opened, kind):
            write(path, volume, labels, opened)
    return list(writers)


def choose_series(found: Sequence[Series], series: str | None, source: Path) -> Series:
    """The one series that is asked for.

    Args:
        found: All of a folder.
        series: A SeriesInstanceUID or a pattern of the description; None: there is one only.
        source: The folder, for the error.

    Raises:
        UserError: None or several fit.
    """
    fitting = [
        each
        for each in found
        if series is None or each.uid == series or fnmatchcase(each.description.lower(), series.lower())
    ]
    if not found:
        raise UserError(f"{source}: expected a DICOM series, found none")
    if len(fitting) != 1:
        names = ", ".join(f"{each.uid} ({each.description})" for each in (fitting or found)[:8])
        raise UserError(
            f"{source}: expected one series that fits, found {len(fitting)}; give series=UID of {names}"
        )
    return fitting[0]
