"""The same work here and in processes; one that dies is one line."""

from __future__ import annotations

import os

import pytest

from brats_seg.errors import UserError
from brats_seg.parallel import each


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert list(each(abs, [-3, 1, -2], workers)) == [3, 1, 2]
    assert list(each(abs, [], workers)) == []


def test_one_item_needs_no_process() -> None:
    assert list(each(id, [None], 8)) == [id(None)]
    assert list(each(lambda item: os.getpid(), [0], 8)) == [os.getpid()]


def test_a_process_that_dies_is_one_line() -> None:
    with pytest.raises(UserError, match=r"a process died, .* fewer workers"):
        list(each(os._exit, [1, 1], 2))
