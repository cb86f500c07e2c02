"""What a DICOM header tells of an image, as plain values: any attribute may be absent, empty or of the
wrong kind.

Covered by tests/scans/test_convert.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_TEXT = 64
"""Characters of a description that are kept."""
SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"


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
    """An attribute as a number.

    Args:
        header: A ``pydicom.Dataset``.
        keyword: Of the attribute.

    Returns:
        None where there is none.
    """
    try:
        return float(header.get(keyword))
    except Exception:  # absent, empty, or text
        return None


def attributes_of(header: Any) -> dict[str, Any]:
    """What tells the kind of a sequence.

    Args:
        header: Of a classic or enhanced MR image.

    Returns:
        Plain values: ``modality``, ``sop_class``, ``image_type``, ``sequence`` (SE, GR, IR, EP), ``tr``,
            ``te``, ``ti`` in
        milliseconds, ``contrast``, ``body_part``, ``b_value``, ``angiography``, ``number``.
    """
    shared = first_item(header, "SharedFunctionalGroupsSequence")
    timing = first_item(shared, "MRTimingAndRelatedParametersSequence")
    modifier = first_item(shared, "MRModifierSequence")
    agent = text(header, "ContrastBolusAgent") or (
        "yes" if first_item(header, "ContrastBolusAgentSequence") else ""
    )
    return {
        "modality": text(header, "Modality"),
        "sop_class": text(header, "SOPClassUID"),
        "image_type": _words(header, "ImageType"),
        "sequence": _words(header, "ScanningSequence") or _enhanced_sequence(header, modifier),
        "tr": number(header, "RepetitionTime") or number(timing, "RepetitionTime"),
        "te": echo_time(header, shared),
        "ti": number(header, "InversionTime") or number(modifier, "InversionTimes"),
        "contrast": "" if agent.lower() in ("no", "none", "n") else agent,
        "body_part": text(header, "BodyPartExamined").upper(),
        "b_value": number(header, "DiffusionBValue"),
        "angiography": text(header, "AngioFlag").upper() == "Y",
        "number": number(header, "SeriesNumber") or 0.0,
    }


def places_of(header: Any) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Position and orientation of each slice of a file; nothing where it does not tell."""
    shared = first_item(header, SHARED)
    frames = list(header.get(PER_FRAME) or []) or [header]
    places = []
    for frame in frames:
        position = _numbers(first_item(frame, "PlanePositionSequence") or frame, "ImagePositionPatient", 3)
        plane = (
            first_item(frame, "PlaneOrientationSequence")
            or first_item(shared, "PlaneOrientationSequence")
            or frame
        )
        orientation = _numbers(plane, "ImageOrientationPatient", 6)
        if position and orientation:
            places.append((position, orientation))
    return places


def first_item(header: Any, keyword: str) -> Any:
    """The first item of a sequence.

    Args:
        header: A ``pydicom.Dataset``, or None.
        keyword: Of the sequence.

    Returns:
        None where there is none.
    """
    items = header.get(keyword) if header is not None else None
    try:
        return items[0] if items else None
    except Exception:  # no sequence
        return None


def echo_time(header: Any, shared: Any) -> float | None:
    """The echo time of a classic or enhanced image.

    Args:
        header: A ``pydicom.Dataset``.
        shared: The first item of its shared functional groups, or None.

    Returns:
        Milliseconds; None where there is none.
    """
    frame = first_item(header, PER_FRAME)
    echo = first_item(shared, "MREchoSequence") or first_item(frame, "MREchoSequence")
    return number(header, "EchoTime") or number(echo, "EffectiveEchoTime")


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


def _enhanced_sequence(header: Any, modifier: Any) -> tuple[str, ...]:
    """ScanningSequence in the words of classic MR."""
    words = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}.get(
        text(header, "EchoPulseSequence"), []
    )
    words = words + (["EP"] if text(header, "EchoPlanarPulseSequence") == "YES" else [])
    inversion = text(modifier, "InversionRecovery") if modifier is not None else ""
    return tuple(words + (["IR"] if inversion == "YES" else []))
