"""Which of the four sequences a DICOM series is, or why it is none: from its attributes, its description
last.

Covered by tests/scans/test_convert.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from brats_seg.scans.series import Series

MR_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "enhanced MR",
    "1.2.840.10008.5.1.4.1.1.4.4": "legacy converted enhanced MR",
}
LEFT_OUT = {
    "LOCALIZER": "a localiser",
    "MPR": "a reformat",
    "PROJECTION IMAGE": "a projection",
    "MIP": "a projection",
    "MNIP": "a projection",
    "SUBTRACTION": "a subtraction",
    "ADC": "diffusion",
    "FA": "diffusion",
    "TRACEW": "diffusion",
    "DIFFUSION": "diffusion",
    "P": "a phase image",
    "PHASE": "a phase image",
    "PHASE MAP": "a phase image",
    "SCREEN SAVE": "a screen shot",
}
"""Words of ImageType."""
HEAD = ("HEAD", "BRAIN", "SKULL", "NEURO", "CEREB", "HYPOPHYSE", "PITUITARY")
LEAST_SLICES = 10
AFTER_CONTRAST = re.compile(
    r"\+ ?(c|gd|km)\b|\b(gd|gad\w*|post|ce|km|contrast|c\+|t1c\w*|postcontrast)\b", re.IGNORECASE
)
WITHOUT_CONTRAST = re.compile(r"\b(pre|non|without|w/?o|nativ\w*)\b", re.IGNORECASE)
OTHER_WORDS = re.compile(
    r"\b(tof|mra|swi|swan|dti|dwi|adc|asl|perf\w*|bold|fmri|loc\w*|scout|survey)\b", re.IGNORECASE
)
KIND_WORDS = (
    ("flair", r"flair|dark.?fluid|tirm"),
    ("t2", r"t2(?!\W?\*)"),
    ("t1", r"t1|mprage|bravo|fspgr|vibe|tfl3d"),
)


@dataclass(frozen=True)
class Verdict:
    """What a series is.

    Attributes:
        modality: One of ``terms.MODALITIES``; None: none of them, or not usable.
        reason: Why.
    """

    modality: str | None
    reason: str


def judge(series: Series) -> Verdict:
    """Decide which sequence a series is.

    Args:
        series: Any.

    Returns:
        The verdict, with its reason in words.
    """
    reasons = (*_of_another_kind(series), *_geometry_problems(series))
    if reasons:
        return Verdict(None, f"left out: {reasons[0]}")
    kind, reason = _kind(series)
    if kind != "t1":
        return Verdict(kind, reason)
    after, why = _contrast(series)
    return Verdict("t1ce" if after else "t1", f"{reason}; {why}")


def _of_another_kind(series: Series) -> Iterator[str]:
    found = series.attributes
    if found["modality"] != "MR":
        yield f"modality {found['modality'] or 'unknown'}"
    elif found["sop_class"] not in MR_CLASSES:
        yield "no MR image (a secondary capture or a result)"
    for word in found["image_type"]:
        if word in LEFT_OUT:
            yield LEFT_OUT[word]
    if found["image_type"][:1] == ("DERIVED",):
        yield "derived from other images"
    if found["b_value"] or "EP" in found["sequence"]:
        yield "diffusion or another echo planar sequence"
    if found["angiography"]:
        yield "angiography"
    if found["body_part"] and not any(part in found["body_part"] for part in HEAD):
        yield f"body part {found['body_part']}"
    if other := OTHER_WORDS.search(series.description):
        yield f"its description has {other[0]!r}"


def _geometry_problems(series: Series) -> Iterator[str]:
    """What keeps slices from making one volume."""
    count = len(series.positions)
    if not count:
        yield "no position of the patient in its files"
        return
    if count < LEAST_SLICES:
        yield f"only {count} slices"
    orientations = np.array(series.orientations)
    if np.abs(orientations - orientations[0]).max() > 1e-3:
        yield "slices of different orientations"
        return
    if len(series.echo_times) > 1:
        yield f"several echo times ({', '.join(f'{time:g}' for time in series.echo_times[:4])} ms)"
    normal = np.cross(orientations[0][:3], orientations[0][3:])
    positions = np.array(series.positions)
    along = positions @ normal
    steps = np.diff(np.sort(along))
    usual = float(np.median(steps)) if steps.size else 0.0
    if usual <= 1e-3 or (steps < 1e-3).any():
        yield "several slices in one place (a dynamic or repeated series)"
    elif steps.max() > 1.1 * usual or steps.min() < 0.9 * usual:
        yield f"unequal gaps between slices ({steps.min():.2f} to {steps.max():.2f} mm; is a file missing?)"
    drift = positions - np.outer(along, normal)
    if np.linalg.norm(drift - drift[0], axis=1).max() > 1.0:
        yield "slices that do not lie straight above one another (a tilted gantry)"


def _kind(series: Series) -> tuple[str | None, str]:
    """``t1``, ``t2`` or ``flair``, and why."""
    found = series.attributes
    tr, te, ti = found["tr"], found["te"], found["ti"]
    if tr is None or te is None:
        return _by_description(series.description)
    inverted, gradient = "IR" in found["sequence"] or ti is not None, _is_gradient(found)
    times = f"TR {tr:g}, TE {te:g}{f', TI {ti:g}' if ti else ''} ms"
    if inverted and ti is not None and ti >= 1500 and te >= 60:
        return "flair", f"inversion recovery, {times}"
    if not gradient and te >= 60 and tr >= 1800 and not (ti or 0) > 0:
        return _told_apart(series.description, f"spin echo, {times}")
    if te <= 30 and not gradient and (tr <= 1500 or (inverted and ti is not None and ti <= 1300)):
        return "t1", f"spin echo, {times}"
    if gradient and te <= 10 and (tr <= 500 or (ti is not None and ti <= 1400)):
        return "t1", f"gradient echo, {times}"
    return None, f"left out: neither T1, T2 nor FLAIR ({times})"


def _told_apart(description: str, reason: str) -> tuple[str | None, str]:
    """A T2 whose description says FLAIR: some files hold no inversion time."""
    if re.search(KIND_WORDS[0][1], description, re.IGNORECASE):
        return "flair", f"{reason}; FLAIR by its description, without an inversion time"
    return "t2", reason


def _is_gradient(found: dict[str, Any]) -> bool:
    return "GR" in found["sequence"] and "SE" not in found["sequence"]


def _by_description(description: str) -> tuple[str | None, str]:
    for kind, words in KIND_WORDS:
        if re.search(words, description, re.IGNORECASE):
            return kind, "by its description: TR or TE is missing"
    return None, "left out: TR or TE is missing, and its description does not tell"


def _contrast(series: Series) -> tuple[bool, str]:
    if agent := series.attributes["contrast"]:
        return True, f"contrast agent {agent!r}"
    if WITHOUT_CONTRAST.search(series.description):
        return False, "no contrast agent"
    if found := AFTER_CONTRAST.search(series.description):
        return True, f"contrast agent by its description ({found[0]!r})"
    return False, "no contrast agent"
