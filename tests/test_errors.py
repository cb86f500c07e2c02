"""Every error is one line that names what to fix, also after it has crossed a process boundary."""

from __future__ import annotations

import pickle

import pytest

from brats_seg.errors import CaseError, FileError, UserError

ERRORS = {
    "a.nii: expected a file, found none": FileError("a.nii", "a file", "none"),
    "case x: expected a brain, found only zeros": CaseError("x", expected="a brain", found="only zeros"),
    "case x: a.nii: expected t1, found t2": CaseError("x", expected="t1", found="t2", file="a.nii"),
}


@pytest.mark.parametrize("line", ERRORS)
def test_one_line_here_and_from_another_process(line: str) -> None:
    error = ERRORS[line]
    assert isinstance(error, UserError)
    assert str(error) == line
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), line)
