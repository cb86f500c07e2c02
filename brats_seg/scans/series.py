"""A DICOM series as far as it matters here: plain values, read from classic and enhanced MR alike.

Covered by tests/scans/test_convert.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brats_seg.scans.attributes import SHARED, attributes_of, echo_time, first_item, places_of, text
from brats_seg.scans.dicom_files import read_header


@dataclass(frozen=True)
class Series:
    """One series.

    Attributes:
        uid: SeriesInstanceUID.
        study: StudyInstanceUID.
        patient: PatientID.
        date: StudyDate.
        files: Of the series, in the order of their paths.
        description: SeriesDescription and ProtocolName, without control characters.
        attributes: What :func:`attributes_of` reads from the first file.
        positions: ``(x, y, z)`` of each slice, LPS millimetres.
        orientations: The six cosines of each slice.
        echo_times: Every echo time of the series, sorted, in milliseconds.
        syntax: UID of the transfer syntax.
    """

    uid: str
    study: str
    patient: str
    date: str
    files: tuple[Path, ...]
    description: str
    attributes: dict[str, Any]
    positions: tuple[tuple[float, ...], ...]
    orientations: tuple[tuple[float, ...], ...]
    echo_times: tuple[float, ...]
    syntax: str


def find_series(files: Iterable[Path]) -> tuple[list[Series], int]:
    """Group files by series.

    Args:
        files: Of any kind.

    Returns:
        The series, sorted by study and number, and how many files are no DICOM.
    """
    headers: dict[tuple[str, str], list[tuple[Path, Any]]] = defaultdict(list)
    others = 0
    for path in files:
        header = read_header(path)
        if header is None:
            others += 1
        else:
            key = (text(header, "StudyInstanceUID"), text(header, "SeriesInstanceUID"))
            headers[key].append((path, _small(header)))
    found = [_series(members) for members in headers.values()]
    return sorted(found, key=lambda each: (each.study, each.attributes["number"], each.uid)), others


def _series(members: list[tuple[Path, Any]]) -> Series:
    first = members[0][1]
    places = [place for _, header in members for place in places_of(header)]
    times = {
        time for _, header in members if (time := echo_time(header, first_item(header, SHARED))) is not None
    }
    words = (text(first, "SeriesDescription"), text(first, "ProtocolName"))
    return Series(
        uid=text(first, "SeriesInstanceUID"),
        study=text(first, "StudyInstanceUID"),
        patient=text(first, "PatientID"),
        date=text(first, "StudyDate"),
        files=tuple(path for path, _ in members),
        description=" / ".join(dict.fromkeys(word for word in words if word)),
        attributes=attributes_of(first),
        positions=tuple(position for position, _ in places),
        orientations=tuple(orientation for _, orientation in places),
        echo_times=tuple(sorted(times)),
        syntax=str(getattr(getattr(first, "file_meta", None), "TransferSyntaxUID", "")),
    )


def _small(header: Any) -> Any:
    """Without private elements: some vendors' are larger than the image."""
    header.remove_private_tags()
    return header
