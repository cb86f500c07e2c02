"""Every DICOM file below a folder, zip files included, within bounds; nothing of a file's name or text
becomes a path.

Covered by tests/scans/test_convert.py.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from brats_seg.errors import UserError
from brats_seg.files.temporaries import PREFIX
from brats_seg.scans.packages import load

Tell = Callable[[str], None]
MOST_FILES = 200_000
MOST_FILE_BYTES = 2_000_000_000
MOST_ZIP_BYTES = 20_000_000_000
"""Unzipped, over all entries of one zip file."""


def files_below(root: Path, unzipped: Path, tell: Tell | None = None) -> Iterator[Path]:
    """Every regular file below a folder, links aside; zip files are unpacked.

    Args:
        root: A folder, or one file.
        unzipped: A folder that takes what zip files hold.
        tell: Takes a line about each zip file that is damaged; None: it is raised.

    Yields:
        Files, sorted within their folder.

    Raises:
        UserError: There is no such folder, more than :data:`MOST_FILES` files, or a zip file that holds
            too much.
    """
    if not root.exists():
        raise UserError(f"{root}: no such folder of DICOM files")
    found = 0
    for path in _walk(root):
        for each in _unpacked(path, unzipped / str(found), tell) if zipfile.is_zipfile(path) else [path]:
            found += 1
            if found > MOST_FILES:
                raise UserError(f"{root}: more than {MOST_FILES} files; give a smaller folder")
            yield each


def count_files(root: Path) -> int:
    """How many files :func:`files_below` will probably yield: zip files by the end of their names."""
    count = 0
    for path in _walk(root):
        count += _entries(path) if path.suffix.lower() == ".zip" else 1
    return count


def _entries(path: Path) -> int:
    try:
        with zipfile.ZipFile(path) as archive:
            return len(archive.infolist())
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        return 1


def read_header(path: Path) -> Any:
    """The attributes of a DICOM file without its pixels.

    Args:
        path: Of any file.

    Returns:
        A ``pydicom.Dataset``; None where the file is empty, too large, or no DICOM.
    """
    pydicom = load("pydicom")
    try:
        if not 0 < path.stat().st_size <= MOST_FILE_BYTES:
            return None
        header = pydicom.dcmread(path, stop_before_pixels=True, defer_size=65536)
        return header if "SOPClassUID" in header and "SeriesInstanceUID" in header else None
    except Exception:  # pydicom raises whatever a broken file makes its parser raise
        return None


def _walk(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for folder, names, files in os.walk(root):  # does not follow links
        names[:] = sorted(name for name in names if not name.startswith(PREFIX))
        for name in sorted(files):
            path = Path(folder) / name
            try:
                regular = stat.S_ISREG(path.lstat().st_mode)
            except OSError:
                continue
            if regular:
                yield path


def _unpacked(path: Path, folder: Path, tell: Tell | None) -> Iterator[Path]:
    """Entries under numbers instead of their names, so that none can leave the folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_ZIP_BYTES:
                raise UserError(f"{path}: holds more than {MOST_FILES} files or {MOST_ZIP_BYTES} bytes")
            folder.mkdir(parents=True, exist_ok=True)
            for number, entry in enumerate(entries):
                target = folder / f"{number:06}.dcm"
                with archive.open(entry) as source, target.open("wb") as copy:
                    _copy(source, copy, entry.file_size, path)
                yield target
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        line = f"{path}: cannot be unpacked ({error})"
        if tell is None:
            raise UserError(line) from error
        tell(line)
    except OSError as error:
        raise UserError(f"cannot unpack {path}: {error.strerror or error}") from error


def _copy(source: Any, target: Any, size: int, path: Path) -> None:
    """No more bytes than the entry says of itself."""
    shutil.copyfileobj(_Bounded(source, size, path), target, 1 << 20)


class _Bounded:
    """Reads at most so many bytes."""

    def __init__(self, source: Any, left: int, path: Path) -> None:
        self.source, self.left, self.path = source, left, path

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self.source.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise UserError(f"{self.path}: an entry is larger than it says")
        return data
