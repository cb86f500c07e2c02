"""One line for each kind of note, whatever the number of cases."""

from __future__ import annotations

from pathlib import Path

from brats_seg.data.remarks import remarks
from brats_seg.geometry import Box
from brats_seg.preprocessing import CachedCase


def case(name: str, *notes: str, **fingerprints: str) -> CachedCase:
    return CachedCase(name, Path(), Box((0, 0, 0), (1, 1, 1)), (1, 1, 1), notes, fingerprints)


def test_notes_of_one_kind_are_one_line():
    first, second = remarks(
        [
            case("a", "expected x, found 1", "expected y, found 2"),
            case("b", "expected x, found 3"),
        ]
    )
    assert first == "case a: expected x, found 1 (and 1 more such notes: brats-seg check)"
    assert second == "case a: expected y, found 2"


def test_shared_images_are_one_line():
    (line,) = remarks([case("a", t1="1", t2="2"), case("b", t1="1", t2="2"), case("c", t1="1")])
    assert line.startswith("2 of 3 cases have images of another case (b has those of a)")
    assert remarks([case("a", t1="1"), case("b", t1="2")]) == []
