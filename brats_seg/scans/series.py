"""A DICOM series as far as it matters here: plain values, read from classic and enhanced MR alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brats_seg.scans.dicom_files import read_header

MOST_TEXT = 64
"""Characters of a description that are kept."""


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


def text(header: Any, keyword: str) -> str:
    """An attribute as text without control characters, at most :data:`MOST_TEXT` long.

    Args:
        header: A ``pydicom.Dataset``.
        keyword: Of the attribute.

    Returns:
        Empty where there is none, or it cannot be read.
    """
    try:
        value = header.get(keyword)
    except Exception:  # a value that its own type does not allow
        return ""
    if value is None:
        return ""
    plain = "".join(character for character in str(value) if character.isprintable())
    return plain.strip()[:MOST_TEXT]


def number(header: Any, keyword: str) -> float | None:
    """An attribute as a number; None where there is none."""
    try:
        return float(header.get(keyword))
    except Exception:  # absent, empty, or text
        return None


def attributes_of(header: Any) -> dict[str, Any]:
    """What tells the kind of a sequence.

    Args:
        header: Of a classic or enhanced MR image.

    Returns:
        Plain values: ``modality``, ``sop_class``, ``image_type``, ``sequence`` (SE, GR, IR, EP), ``tr``, ``te``, ``ti`` in
        milliseconds, ``contrast``, ``body_part``, ``b_value``, ``angiography``, ``number``.
    """
    shared = _first(header, "SharedFunctionalGroupsSequence")
    timing = _first(shared, "MRTimingAndRelatedParametersSequence")
    modifier = _first(shared, "MRModifierSequence")
    agent = text(header, "ContrastBolusAgent") or (
        "yes" if _first(header, "ContrastBolusAgentSequence") else ""
    )
    return {
        "modality": text(header, "Modality"),
        "sop_class": text(header, "SOPClassUID"),
        "image_type": _words(header, "ImageType"),
        "sequence": _words(header, "ScanningSequence") or _enhanced_sequence(header, modifier),
        "tr": number(header, "RepetitionTime") or number(timing, "RepetitionTime"),
        "te": _echo_time(header, shared),
        "ti": number(header, "InversionTime") or number(modifier, "InversionTimes"),
        "contrast": "" if agent.lower() in ("no", "none", "n") else agent,
        "body_part": text(header, "BodyPartExamined").upper(),
        "b_value": number(header, "DiffusionBValue"),
        "angiography": text(header, "AngioFlag").upper() == "Y",
        "number": number(header, "SeriesNumber") or 0.0,
    }


def _series(members: list[tuple[Path, Any]]) -> Series:
    first = members[0][1]
    places = [place for _, header in members for place in places_of(header)]
    times = {
        time for _, header in members if (time := _echo_time(header, _first(header, SHARED))) is not None
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


SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"


def _small(header: Any) -> Any:
    """Without private elements: some vendors' are larger than the image."""
    header.remove_private_tags()
    return header


def places_of(header: Any) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Position and orientation of each slice of a file; nothing where it does not tell."""
    shared = _first(header, SHARED)
    frames = list(header.get(PER_FRAME) or []) or [header]
    places = []
    for frame in frames:
        position = _numbers(_first(frame, "PlanePositionSequence") or frame, "ImagePositionPatient", 3)
        plane = (
            _first(frame, "PlaneOrientationSequence") or _first(shared, "PlaneOrientationSequence") or frame
        )
        orientation = _numbers(plane, "ImageOrientationPatient", 6)
        if position and orientation:
            places.append((position, orientation))
    return places


def _first(header: Any, keyword: str) -> Any:
    """The first item of a sequence; None where there is none."""
    items = header.get(keyword) if header is not None else None
    try:
        return items[0] if items else None
    except Exception:  # no sequence
        return None


def _numbers(header: Any, keyword: str, count: int) -> tuple[float, ...]:
    try:
        values = tuple(float(each) for each in header.get(keyword))
    except Exception:  # absent, or text
        return ()
    return values if len(values) == count and np.isfinite(values).all() else ()


def _words(header: Any, keyword: str) -> tuple[str, ...]:
    value = header.get(keyword)
    if value is None or value == "":
        return ()
    values = [value] if isinstance(value, str) else list(value)
    return tuple(str(each).strip().upper()[:MOST_TEXT] for each in values)


def _echo_time(header: Any, shared: Any) -> float | None:
    frame = _first(header, PER_FRAME)
    echo = _first(shared, "MREchoSequence") or _first(frame, "MREchoSequence")
    return number(header, "EchoTime") or number(echo, "EffectiveEchoTime")


def _enhanced_sequence(header: Any, modifier: Any) -> tuple[str, ...]:
    """ScanningSequence in the words of classic MR."""
    words = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}.get(
        text(header, "EchoPulseSequence"), []
    )
    words = words + (["EP"] if text(header, "EchoPlanarPulseSequence") == "YES" else [])
    inversion = text(modifier, "InversionRecovery") if modifier is not None else ""
    return tuple(words + (["IR"] if inversion == "YES" else []))
