"""Laws of the views, on a volume without any symmetry of its own."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from brats_seg.errors import UserError
from brats_seg.inference.tta import VIEWS, View, views

VOLUME = torch.arange(4 * 3 * 5 * 6.0).reshape(4, 3, 5, 6)
SIXTEEN = VIEWS["group16"]


def seen(view: View) -> tuple[tuple[int, ...], bytes]:
    answer = view.apply(VOLUME)
    return tuple(answer.shape), answer.contiguous().numpy().tobytes()


def test_sixteen_distinct_views() -> None:
    assert len({seen(view) for view in SIXTEEN}) == len(SIXTEEN) == 16


@pytest.mark.parametrize("view", SIXTEEN, ids=str)
def test_each_is_undone_exactly(view: View) -> None:
    assert torch.equal(view.undo(view.apply(VOLUME)), VOLUME)
    assert torch.equal(view.apply(view.undo(VOLUME)), VOLUME)


@pytest.mark.parametrize("name", VIEWS)
def test_one_after_the_other_is_one_of_them(name: str) -> None:
    known = {seen(view) for view in VIEWS[name]}
    for first, second in product(VIEWS[name], repeat=2):
        answer = second.apply(first.apply(VOLUME))
        assert (tuple(answer.shape), answer.contiguous().numpy().tobytes()) in known


def test_eight_are_all_mirrors_and_nothing_else() -> None:
    mirrors = {VOLUME.flip([d for d, wanted in zip((-3, -2, -1), m, strict=True) if wanted]).numpy().tobytes()
               for m in product((False, True), repeat=3)}  # fmt: skip
    assert {seen(view)[1] for view in VIEWS["flips8"]} == mirrors
    assert set(VIEWS["none"]) <= set(VIEWS["flips8"]) <= set(SIXTEEN)


def test_z_stays_where_it_is() -> None:
    # Rotations are axial: a slice of the answer is a turned slice of the input.
    for view in SIXTEEN:
        first = view.apply(VOLUME)[:, 0]
        source = VOLUME[:, -1 if view.mirror_z else 0]
        assert torch.equal(first.flatten().sort().values, source.flatten().sort().values)


@pytest.mark.parametrize("view", SIXTEEN, ids=str)
def test_it_is_what_it_says(view: View) -> None:
    expected = VOLUME.numpy()
    expected = expected[:, ::-1] if view.mirror_z else expected
    expected = expected[..., ::-1] if view.mirror_x else expected
    assert np.array_equal(view.apply(VOLUME).numpy(), np.rot90(expected, view.quarter_turns, (-2, -1)))


def test_where_a_view_of_memory_will_do_there_is_no_copy() -> None:
    for view in (View(False, False, 0), View(False, True, 1)):
        assert view.apply(VOLUME).data_ptr() == VOLUME.data_ptr()
        assert view.undo(VOLUME).data_ptr() == VOLUME.data_ptr()


def test_an_unknown_choice_is_named() -> None:
    with pytest.raises(UserError, match="group16"):
        views("sixteen")
