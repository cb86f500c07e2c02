"""DICOM SEG and RTSTRUCT of a label map, from a folder of DICOM files. Covered by
tests/scans/test_dicom_results.py."""

from __future__ import annotations

import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

from brats_seg import nifti
from brats_seg.errors import UserError
from brats_seg.files import refuse_foreign, says
from brats_seg.files.foreign import PROGRAM
from brats_seg.labels import LabelValues
from brats_seg.scans.dicom_files import files_below
from brats_seg.scans.segmentation import write_segmentation
from brats_seg.scans.series import Series, find_series
from brats_seg.scans.source_series import open_series
from brats_seg.scans.structures import write_structures


def write_dicom(
    label_map: Path,
    labels: LabelValues,
    source: Path,
    output: Path,
    series: str | None = None,
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Write ``<name>_seg.dcm``, and ``<name>_rtstruct.dcm`` where the series has a file per slice.

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
    volume = nifti.read(label_map)
    name = label_map.name.removesuffix(".gz").removesuffix(".nii")
    segmentation, structures = output / f"{name}_seg.dcm", output / f"{name}_rtstruct.dcm"
    refuse_foreign(dict.fromkeys((segmentation, structures), says("DICM", PROGRAM)), overwrite=overwrite)
    with tempfile.TemporaryDirectory() as unzipped:
        chosen = _chosen(find_series(files_below(source, Path(unzipped)))[0], series, source)
        opened = open_series(chosen)
        written = [segmentation]
        write_segmentation(segmentation, volume, labels, opened)
        if len(opened.headers) > 1:
            written.append(structures)
            write_structures(structures, volume, labels, opened)
    return written


def _chosen(found: list[Series], series: str | None, source: Path) -> Series:
    fitting = [
        each
        for each in found
        if series is None or each.uid == series or fnmatchcase(each.description.lower(), series.lower())
    ]
    if len(fitting) != 1:
        names = ", ".join(f"{each.uid} ({each.description})" for each in (fitting or found)[:8])
        raise UserError(
            f"{source}: expected one series that fits, found {len(fitting)}; give series=UID of {names}"
        )
    return fitting[0]
