"""Registration undoes what was done."""

from __future__ import annotations

import numpy as np
import pytest

from brats_seg.scans.images import RAS_TO_LPS, read_image
from brats_seg.scans.register import matrix, register, turn_degrees

pytestmark = pytest.mark.slow


def rigid(degrees, shift_mm):
    """Turns about x, then y, then z, then the shift."""
    result = np.eye(4)
    for axis, angle in enumerate(np.radians(degrees)):
        turn = np.eye(4)
        one, two = [a for a in range(3) if a != axis]
        turn[one, one] = turn[two, two] = np.cos(angle)
        turn[one, two], turn[two, one] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    result[:3, 3] = shift_mm
    return result


def moves(head_mm: float = 60.0) -> np.ndarray:
    """Points of a head, homogeneous."""
    corners = np.array([(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]) * head_mm
    return np.c_[corners, np.ones(len(corners))].T


@pytest.mark.parametrize(
    ("degrees", "shift_mm"),
    [((10, 0, 0), (0, 0, 10)), ((0, 0, -10), (10, 0, 0)), ((5.8, 5.8, 5.8), (-5.8, 5.8, -5.8))],
)
def test_a_shift_of_10_mm_and_a_turn_of_10_degrees_are_undone(raw_case, degrees, shift_mm):
    moved = rigid(degrees, shift_mm)
    case = raw_case(moved)
    found = register(read_image(case.files["t1ce"])[0], read_image(case.files["t2"])[0])
    truth = RAS_TO_LPS @ moved @ RAS_TO_LPS
    error = np.linalg.inv(truth) @ matrix(found.transform)
    assert turn_degrees(error) < 1
    assert np.linalg.norm(((error - np.eye(4)) @ moves())[:3], axis=0).max() < 1
    assert found.before is not None and found.after > found.before


def test_the_same_answer_each_time(raw_case):
    case = raw_case(rigid((4, 0, 0), (3, 0, 0)))
    images = [read_image(case.files[name])[0] for name in ("t1ce", "flair")]
    first, second = (matrix(register(*images).transform) for _ in range(2))
    assert (first == second).all()


def test_far_apart_headers_start_from_the_middle(raw_case):
    moved = rigid((0, 0, 0), (400, 0, 0))
    case = raw_case(moved)
    found = register(read_image(case.files["t1ce"])[0], read_image(case.files["t2"])[0])
    error = np.linalg.inv(RAS_TO_LPS @ moved @ RAS_TO_LPS) @ matrix(found.transform)
    assert found.before is None
    assert np.linalg.norm(((error - np.eye(4)) @ moves())[:3], axis=0).max() < 1


def test_turn_of_a_known_matrix():
    assert turn_degrees(rigid((0, 25, 0), (1, 2, 3))) == pytest.approx(25)
