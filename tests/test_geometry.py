"""Boxes and padding: every step can be undone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from brats_seg.geometry import Box, bounding_box, pad_to_multiple, random_window
from brats_seg.metrics.functional import dice

quick = settings(max_examples=50, deadline=None)
triples = st.tuples(*[st.integers(1, 9)] * 3)


@st.composite
def boxes(draw):
    shape = draw(triples)
    start = tuple(draw(st.integers(0, n - 1)) for n in shape)
    stop = tuple(draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True))
    return shape, Box(start, stop)


def some(shape, channels=2):
    return np.random.default_rng(0).integers(1, 99, (channels, *shape)).astype(np.int16)


@quick
@given(boxes())
def test_crop_undoes_paste(drawn):
    shape, box = drawn
    part = some(box.shape)
    pasted = box.paste(part, shape)
    assert pasted.shape == (2, *shape)
    np.testing.assert_array_equal(box.crop(pasted), part)
    assert np.count_nonzero(pasted) == part.size
    assert torch.equal(box.paste(torch.from_numpy(part), shape), torch.from_numpy(pasted))


@quick
@given(boxes())
def test_paste_undoes_crop_where_the_rest_is_zero(drawn):
    shape, box = drawn
    whole = np.zeros((2, *shape), np.int16)
    whole[(..., *box.slices)] = some(box.shape)
    np.testing.assert_array_equal(box.paste(box.crop(whole), shape), whole)


@quick
@given(triples, st.integers(1, 8))
def test_pad_to_a_multiple_and_undo(shape, multiple):
    padding = pad_to_multiple(shape, multiple)
    array = some(shape)
    padded = padding.pad(array)
    assert all(
        n % multiple == 0 and 0 <= n - m < multiple for n, m in zip(padded.shape[1:], shape, strict=True)
    )
    np.testing.assert_array_equal(padding.undo(padded), array)
    assert padded.sum() == array.sum()
    assert torch.equal(padding.undo(padding.pad(torch.from_numpy(array))), torch.from_numpy(array))


@quick
@given(boxes())
def test_bounding_box_of_a_box_is_the_box(drawn):
    shape, box = drawn
    mask = np.zeros(shape, np.bool_)
    mask[tuple(np.subtract(box.stop, 1))] = mask[box.start] = True
    assert bounding_box(mask) == box
    assert bounding_box(np.zeros(shape, np.bool_)) is None


@quick
@given(triples, triples, st.integers(0, 99))
def test_a_random_window_lies_inside_and_fills_the_patch(shape, patch, seed):
    window, padding = random_window(shape, patch, np.random.default_rng(seed))
    assert all(0 <= a < b <= n for a, b, n in zip(window.start, window.stop, shape, strict=True))
    assert padding.pad(window.crop(some(shape))).shape == (2, *patch)
    assert (window, padding) == random_window(shape, patch, np.random.default_rng(seed))


def test_every_place_of_a_window_is_reached():
    windows = [random_window((5, 2, 3), (3, 4, 3), np.random.default_rng(seed)) for seed in range(200)]
    assert {window.start for window, _ in windows} == {(z, 0, 0) for z in range(3)}
    assert {padding.before for _, padding in windows} == {(0, y, 0) for y in range(3)}


def test_shapes_are_checked_in_tests() -> None:
    """If this fails, the import hook of tests/conftest.py came too late, or an annotation is not resolved."""
    with pytest.raises(TypeCheckError, match="bounding_box"):
        bounding_box(np.zeros((2, 2), np.bool_))
    with pytest.raises(TypeCheckError, match="z=2"):
        dice(np.zeros((2, 2, 2), np.bool_), np.zeros((2, 2, 3), np.bool_))


@pytest.mark.parametrize("centre", [(0, 0, 0), (9, 15, 3), (5, 8, 2)])
def test_a_window_around_a_voxel_holds_it_in_the_middle_as_far_as_the_volume_goes(centre):
    shape, patch = (10, 16, 4), (4, 6, 6)
    window, padding = random_window(shape, patch, np.random.default_rng(0), centre)
    for place, n, size, start, stop in zip(centre, shape, patch, window.start, window.stop, strict=True):
        assert start <= place < stop
        assert start == min(max(place - size // 2, 0), max(n - size, 0))
    assert padding == random_window(shape, patch, np.random.default_rng(0))[1]
