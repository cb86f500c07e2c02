"""A DICOM series as a volume, by dcm2niix. Covered by tests/scans/test_convert.py."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from brats_seg import nifti
from brats_seg.errors import UserError
from brats_seg.files import scratch_folder
from brats_seg.scans.packages import load
from brats_seg.scans.series import Series

DEFLATED, EXPLICIT = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1"
"""Transfer syntaxes of the same bytes: zipped, and as they are."""
LONGEST_CONVERSION_S = 600


def read_series(series: Series, program: Path, output: Path) -> nifti.Volume:
    """One series as one volume.

    The program sees files with numbers for names, and is started without a shell. What it writes lies on the
    disk of the output, for that of temporary files is often small.

    Args:
        series: Classic or enhanced MR.
        program: dcm2niix.
        output: Folder on that disk.

    Returns:
        Its voxels.

    Raises:
        UserError: There is no one volume of it.
    """
    with scratch_folder(output) as folder:
        files, result = folder / "files", folder / "result"
        files.mkdir()
        result.mkdir()
        for number, path in enumerate(series.files):
            _offer(path, files / f"{number:06}.dcm", series.syntax)
        command = [str(program), "-b", "n", "-z", "n", "-f", "volume", "-o", str(result), str(files)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                timeout=LONGEST_CONVERSION_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"series {series.uid}: dcm2niix did not finish ({error})") from error
        volumes = sorted(result.glob("*.nii"))
        if len(volumes) != 1:
            raise UserError(f"series {series.uid}: {_why(series, output, volumes, done.stdout)}")
        return nifti.read(volumes[0])


def _offer(path: Path, place: Path, syntax: str) -> None:
    """Put a file where the program finds it, inflated where it would not do that itself."""
    if syntax != DEFLATED:
        place.symlink_to(path.absolute())
        return
    data = load("pydicom").dcmread(path)
    data.file_meta.TransferSyntaxUID = EXPLICIT
    data.save_as(place)


def _why(series: Series, output: Path, volumes: Sequence[Path], stdout: bytes) -> str:
    """Why dcm2niix has not left one volume."""
    size = sum(path.stat().st_size for path in series.files)
    if not volumes and shutil.disk_usage(output).free < 2 * size:
        return f"cannot write to {output}: No space left on device; choose another folder or free the disk"
    said = " ".join("".join(c if c.isprintable() else " " for c in stdout.decode(errors="replace")).split())
    syntax = f"transfer syntax {series.syntax}"
    return f"expected one volume of dcm2niix, found {len(volumes)}, {syntax}: {said[-200:]}"
