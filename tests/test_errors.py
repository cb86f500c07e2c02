"""Every error is one line that names what to fix, also after it has crossed a process boundary."""

from __future__ import annotations

import pickle

import pytest

from brats_seg.errors import CaseError, FileError, UserError, plain_id

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


def test_what_a_file_says_is_printed_as_one_plain_line() -> None:
    error = FileError("a\x1b[31m.json", "sha256 x\nbrats-seg: error: all is well", "\u202ey\udce9")
    assert (
        str(error)
        == "a\\x1b[31m.json: expected sha256 x\\nbrats-seg: error: all is well, found \\u202ey\\xe9"
    )
    assert str(CaseError("a\nb", expected="x", found="y")) == "case a\\nb: expected x, found y"


def test_ids_are_one_in_every_form_of_unicode() -> None:
    assert plain_id("Mu\u0308ller") == plain_id("M\u00fcller") == "M\u00fcller"
    assert plain_id("caf\udce9") == "caf\\xe9"
